"""A policy that learns to see, in plain PyTorch: one network, from two cameras and the hand to actions.

    bimodal demos PandaLiftDumbbell-v1 --episodes 900
    python examples/vision_policy.py runs/demos/PandaLiftDumbbell-v1/bi50-900-s0.npz
    bimodal evaluate examples/vision_policy.py:Seeing --task PandaLiftDumbbell-v1 --seeds 20 --variant clean

Of Bimodal's own vision policies nothing is used but the pictures of the demonstrations. Chunks of 16 actions
are drawn by a flow, so that it takes one of the two ways to lift; eight of them are executed.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from bimodal.policies import Decision, Needs, Policy
from bimodal.tasks.demonstrations.pictures import demonstration_pictures
from safetensors.torch import load_file, save_file
from torch import nn

CAMERAS = ("front_image", "wrist_image")
HAND = ("tcp_position", "tcp_rotation", "gripper_opening")  # ten numbers, as many as an action has
WEIGHTS = Path(__file__).with_name("vision_weights.safetensors")


class Network(nn.Module):
    """Says what is seen, and to which chunk of actions a noisy one belongs."""

    def __init__(self, poses: int) -> None:
        """Build it to tell so many numbers of the objects' poses: labels that only a simulator has."""
        super().__init__()
        sizes = [(5, 32, 4, 4), (32, 32, 3, 1, 1), (32, 32, 3, 1, 1)]  # patches of 4 x 4 pixels, then 3 x 3
        eyes = [[layer for size in sizes for layer in (nn.Conv2d(*size), nn.ReLU())] for _ in CAMERAS]
        self.eyes = nn.ModuleList(nn.Sequential(*eye) for eye in eyes)
        self.joined = nn.Sequential(nn.Linear(2 * 64 + 10, 128), nn.LayerNorm(128), nn.Mish())
        self.poses = nn.Linear(128, poses)
        given = nn.Linear(160 + 1 + 128 + 10, 256)
        self.flow = nn.Sequential(given, nn.Mish(), nn.Linear(256, 256), nn.Mish(), nn.Linear(256, 160))
        sizes = {"hand": 10, "chunk": 160, "labels": poses}
        self.scaled = nn.ModuleDict(
            {name: nn.BatchNorm1d(size, 1e-4, None, False) for name, size in sizes.items()}
        )

    def look(self, pictures: torch.Tensor, hand: torch.Tensor) -> torch.Tensor:
        """Return what is seen, (B, 128), in pictures (B, cameras, H, W, 3): where each channel looks."""
        places = [hand]
        for eye, picture in zip(self.eyes, pictures.unbind(1), strict=True):
            x = torch.cat(
                [picture.permute(0, 3, 1, 2) / 127.5 - 1, grid(96).expand(len(hand), -1, -1, -1)], 1
            )
            places.append(((4 * eye(x).flatten(2)).softmax(-1) @ grid(24).flatten(2)[0].T).flatten(1))
        return self.joined(torch.cat(places, 1))


def grid(side: int) -> torch.Tensor:
    """Return the coordinates of pixels, right and down, from -1 to 1, (1, 2, side, side)."""
    return torch.stack(torch.meshgrid([torch.linspace(-1, 1, side)] * 2, indexing="xy"))[None]


def train(file: Path, steps: int) -> None:
    """Train on a file of demonstrations, and save the weights."""
    torch.set_num_threads(1)
    drawing = torch.Generator().manual_seed(0)
    # 1. what was seen, done and true at the moments that are drawn, brought to mean 0 and scale 1
    drawn = demonstration_pictures(file, CAMERAS, 96)
    pictures = torch.from_numpy(np.stack([drawn.images[name] for name in CAMERAS], 1))
    with np.load(file) as data:
        ahead = (drawn.frames[:, None] + np.arange(16)).clip(max=data["actions"].shape[1] - 1)
        chunk = data["actions"][drawn.episodes[:, None], ahead].reshape(-1, 160)
        now = {name[4:]: data[name][drawn.episodes, drawn.frames] for name in data if name[:4] == "obs."}
    hand = np.concatenate([now.pop(name) for name in HAND], 1)
    values = {"hand": hand, "chunk": chunk, "labels": np.concatenate([*now.values()], 1)}
    with torch.random.fork_rng(devices=()):  # PyTorch draws first weights from its global generator alone
        torch.manual_seed(0)
        network = Network(values["labels"].shape[1])
    hand, chunk, labels = (network.scaled[name](torch.from_numpy(part)) for name, part in values.items())
    # 2. steps on 64 moments; each is looked at once, for eight draws of noise
    optimiser = torch.optim.AdamW(network.parameters())
    rates = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=steps)
    for step in range(steps):
        rows = torch.randint(len(pictures), (64,), generator=drawing)
        seen = network.look(pictures[rows], hand[rows])
        many = rows.repeat(8)
        time = torch.rand(len(many), 1, generator=drawing)
        noisy = torch.lerp(torch.randn(chunk[many].shape, generator=drawing), chunk[many], time)
        clean = network.flow(torch.cat([noisy, time, seen.repeat(8, 1), hand[many]], 1))
        loss = (clean - chunk[many]).square().mean() + (network.poses(seen) - labels[rows]).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        rates.step()
        if (step + 1) % 100 == 0 or step + 1 == steps:
            print(f"step {step + 1} of {steps}, loss {loss.item():.4f}", flush=True)  # noqa: T201
    save_file(network.state_dict(), WEIGHTS)


class Seeing(Policy):
    """A flow of action chunks from two cameras and the hand."""

    clip = True  # a network overshoots, and an action out of range would end the episode
    description = "An example: a flow of action chunks from pictures, trained end to end in plain PyTorch."

    def __init__(self, task) -> None:  # noqa: ANN001
        """Load the weights; called once a worker and batch of episodes."""
        super().__init__(task)
        torch.set_num_threads(1)
        weights = load_file(WEIGHTS)
        self.network = Network(len(weights["poses.bias"])).eval()
        self.network.load_state_dict(weights)

    def needs(self) -> Needs:
        """Ask for the hand and the pictures: no pose of an object, so the track is `vision`."""
        return Needs((*HAND, *CAMERAS))

    def reset(self, episodes) -> None:  # noqa: ANN001
        """Seed each episode's noise by its key."""
        self.noise = [np.random.default_rng(int(key)) for key in episodes.noise_keys]

    @torch.no_grad()
    def act(self, observation: dict[str, np.ndarray]) -> Decision:
        """Return chunks (N, 16, 10), ten Euler steps from noise."""
        pictures = torch.from_numpy(np.stack([observation[name] for name in CAMERAS], 1))
        hand = torch.from_numpy(np.concatenate([observation[name] for name in HAND], 1)).float()
        hand = self.network.scaled["hand"](hand)
        seen = self.network.look(pictures, hand)
        x = torch.from_numpy(np.stack([rng.standard_normal(160) for rng in self.noise])).float()
        for i in range(10):
            time = torch.full((len(x), 1), i / 10)
            x = x + (self.network.flow(torch.cat([x, time, seen, hand], 1)) - x) / (10 - i)
        scale = self.network.scaled["chunk"]
        x = x * (scale.running_var + scale.eps).sqrt() + scale.running_mean
        return Decision(x.view(len(x), 16, 10).double().numpy())


if __name__ == "__main__":
    train(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 2000)
