"""A policy that learns to see, in plain PyTorch: one network, from two cameras and the hand to actions.

    bimodal demos PandaLiftDumbbell-v1 --episodes 900
    python examples/vision_policy.py runs/demos/PandaLiftDumbbell-v1/bi50-900-s0.npz
    bimodal evaluate examples/vision_policy.py:Seeing --task PandaLiftDumbbell-v1 --seeds 20 --variant clean

Of Bimodal's own vision policies nothing is used but the pictures of the demonstrations. Chunks of actions are
drawn by a flow, so that it takes one of the two ways to lift.
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
HAND = ("tcp_position", "tcp_rotation", "gripper_opening")
SIZE = 96  # of a picture [pixels]
CHUNK = 16  # actions that are drawn at a time; the first eight are executed
PASSES = 10  # Euler steps from noise to a chunk
POSE_WEIGHT = 1.0  # of the second loss, whose labels only a simulator has; 0 leaves them out
WEIGHTS = Path(__file__).with_name("vision_weights.safetensors")


class Network(nn.Module):
    """Says what is seen, and takes noise to chunks of actions."""

    def __init__(self, hand: int, acted: int, poses: int) -> None:
        """Build for so many values of the hand, of a chunk, and of the poses of objects."""
        super().__init__()
        self.eyes = nn.ModuleList(
            nn.Sequential(
                *(nn.Conv2d(5, 32, 4, 4), nn.ReLU()),  # patches of 4 x 4 pixels, colours and coordinates
                *(nn.Conv2d(32, 32, 3, 1, 1), nn.ReLU(), nn.Conv2d(32, 32, 3, 1, 1), nn.ReLU()),
            )
            for _ in CAMERAS
        )
        self.joined = nn.Sequential(nn.Linear(64 * len(CAMERAS) + hand, 128), nn.LayerNorm(128), nn.Mish())
        self.poses = nn.Linear(128, poses)
        inner = [nn.Linear(acted + 1 + 128 + hand, 256), nn.Mish(), nn.Linear(256, 256), nn.Mish()]
        self.flow = nn.Sequential(*inner, nn.Linear(256, acted))

    def look(self, pictures: torch.Tensor, hand: torch.Tensor) -> torch.Tensor:
        """Return what is seen, (B, 128), in pictures (B, cameras, H, W, 3): where each channel looks."""
        places = []
        for eye, picture in zip(self.eyes, pictures.unbind(1), strict=True):
            colours = picture.permute(0, 3, 1, 2) / 127.5 - 1
            x = eye(torch.cat([colours, grid(SIZE).expand(len(hand), -1, -1, -1)], 1))
            places.append(((4 * x.flatten(2)).softmax(-1) @ grid(x.shape[3]).flatten(2)[0].T).flatten(1))
        return self.joined(torch.cat([*places, hand], 1))

    def forward(
        self, x: torch.Tensor, t: torch.Tensor, seen: torch.Tensor, hand: torch.Tensor
    ) -> torch.Tensor:
        """Return the clean chunks (B, A) to which x at times t (B, 1) belong."""
        return self.flow(torch.cat([x, t, seen, hand], 1))


def grid(side: int) -> torch.Tensor:
    """Return the coordinates of pixels, right and down, from -1 to 1, (1, 2, side, side)."""
    line = torch.linspace(-1, 1, side)
    return torch.stack([line.expand(side, side), line[:, None].expand(side, side)])[None]


def train(file: Path, steps: int) -> float:
    """Train on a file of demonstrations; returns the last loss."""
    torch.set_num_threads(1)
    drawing = torch.Generator().manual_seed(0)
    # 1. what was seen, done and true at the moments that are drawn, brought to mean 0 and scale 1
    drawn = demonstration_pictures(file, CAMERAS, SIZE)
    with np.load(file) as data:
        now = {name[4:]: data[name][drawn.episodes, drawn.frames] for name in data if name[:4] == "obs."}
        ahead = (drawn.frames[:, None] + np.arange(CHUNK)).clip(max=data["actions"].shape[1] - 1)
        chunk = data["actions"][drawn.episodes[:, None], ahead]
    pictures = torch.from_numpy(np.stack([drawn.images[name] for name in CAMERAS], 1))
    objects = [name for name in now if name not in HAND]
    found = {"hand": [now[name] for name in HAND], "poses": [now[name] for name in objects], "chunk": [chunk]}
    values = {name: torch.from_numpy(np.concatenate(parts, -1)) for name, parts in found.items()}
    scales = {f"{name}.mean": x.flatten(0, -2).mean(0) for name, x in values.items()}
    scales |= {f"{name}.scale": x.flatten(0, -2).std(0) + 0.01 for name, x in values.items()}
    hand, poses, chunk = (
        ((x - scales[f"{name}.mean"]) / scales[f"{name}.scale"]).flatten(1) for name, x in values.items()
    )
    # 2. steps on 64 moments; each is looked at once, for eight draws of noise
    with torch.random.fork_rng(devices=()):  # PyTorch draws first weights from its global generator alone
        torch.manual_seed(0)
        network = Network(hand.shape[1], chunk.shape[1], poses.shape[1])
    optimiser = torch.optim.AdamW(network.parameters())
    rates = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=steps)
    for step in range(steps):
        rows = torch.randint(len(pictures), (64,), generator=drawing)
        seen = network.look(pictures[rows], hand[rows])
        many = rows.repeat(8)
        time = torch.rand(len(many), 1, generator=drawing)
        noise = torch.randn(chunk[many].shape, generator=drawing)
        x = torch.lerp(noise, chunk[many], time)
        loss = (network(x, time, seen.repeat(8, 1), hand[many]) - chunk[many]).square().mean()
        loss = loss + POSE_WEIGHT * (network.poses(seen) - poses[rows]).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        rates.step()
        if (step + 1) % 100 == 0 or step + 1 == steps:
            print(f"step {step + 1} of {steps}, loss {loss.item():.4f}", flush=True)  # noqa: T201
    save_file(network.state_dict() | scales, WEIGHTS)
    return loss.item()


class Seeing(Policy):
    """A flow of action chunks from two cameras and the hand."""

    clip = True  # a network overshoots, and an action out of range would end the episode
    description = "An example: a flow of action chunks from pictures, trained end to end in plain PyTorch."

    def __init__(self, task) -> None:  # noqa: ANN001
        """Load the weights; called once a worker and batch of episodes."""
        super().__init__(task)
        torch.set_num_threads(1)
        found = load_file(WEIGHTS)
        self.scales = {name: found.pop(name) for name in list(found) if name.endswith((".mean", ".scale"))}
        sizes = {name: len(self.scales[f"{name}.mean"]) for name in ("hand", "chunk", "poses")}
        self.network = Network(sizes["hand"], CHUNK * sizes["chunk"], sizes["poses"])
        self.network.load_state_dict(found)

    def needs(self) -> Needs:
        """Ask for the hand and the pictures: no pose of an object, so the track is `vision`."""
        return Needs((*HAND, *CAMERAS), image_size=SIZE)

    def reset(self, episodes) -> None:  # noqa: ANN001
        """Seed each episode's noise by its key."""
        self.noise = [np.random.default_rng(int(key)) for key in episodes.noise_keys]

    @torch.no_grad()
    def act(self, observation: dict[str, np.ndarray]) -> Decision:
        """Return chunks (N, CHUNK, A)."""
        pictures = torch.from_numpy(np.stack([observation[name] for name in CAMERAS], 1))
        hand = torch.from_numpy(np.concatenate([observation[name] for name in HAND], 1)).float()
        hand = (hand - self.scales["hand.mean"]) / self.scales["hand.scale"]
        seen = self.network.look(pictures, hand)
        size = CHUNK * len(self.scales["chunk.mean"])
        x = torch.from_numpy(np.stack([rng.standard_normal(size) for rng in self.noise])).float()
        for i in range(PASSES):
            clean = self.network(x, torch.full((len(x), 1), i / PASSES), seen, hand)
            x = x + (clean - x) / (PASSES - i)
        chunks = x.view(len(x), CHUNK, -1) * self.scales["chunk.scale"] + self.scales["chunk.mean"]
        return Decision(chunks.double().numpy())


if __name__ == "__main__":
    train(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 2000)
