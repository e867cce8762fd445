"""A learned policy in plain PyTorch: from demonstrations to a score, and to an entry.

    bimodal demos PandaLiftDumbbell-v1
    python examples/learned_policy.py runs/demos/PandaLiftDumbbell-v1/bi50-300-s0.npz
    bimodal evaluate examples/learned_policy.py:Cloned --task PandaLiftDumbbell-v1 --seeds 20

A small network regresses the next actions, so it averages the two modes and mostly fails: with seeds 0 to
199 it acts between them in 62 % of the episodes and succeeds in 28 %. Replace `make_network` and the loss by
what you want to score. With demonstrations of both tasks of the suite `smoke` (of all six tasks of `core`),
`--suite smoke --entry entries` instead of the last two options writes an entry.
"""

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
import torch
from bimodal.policies import Decision, Policy
from safetensors import safe_open
from safetensors.torch import save
from torch import nn

WEIGHTS = Path(__file__).with_name("weights")
"""Where the weights of every task lie."""
CHUNK = 16
"""Actions that are predicted at a time; the first eight are executed."""


def make_network(observed: int, acted: int) -> nn.Module:
    """Return a network from an observation (B, observed) to the next CHUNK actions (B, CHUNK * acted)."""
    return nn.Sequential(
        *(nn.Linear(observed, 256), nn.ReLU()),
        *(nn.Linear(256, 256), nn.ReLU()),
        nn.Linear(256, CHUNK * acted),
    )


def read_windows(file: Path) -> tuple[str, torch.Tensor, torch.Tensor]:
    """Return the task, observations (B, S) and the chunks that follow them (B, CHUNK, A), from every step."""
    with np.load(file) as data:
        task = json.loads(str(data["meta"]))["task"]
        names = sorted(name for name in data.files if name.startswith("obs."))
        seen = np.concatenate([data[name] for name in names], axis=2)  # (E, T, S)
        actions = data["actions"]  # (E, T, A); actions[:, t] is what follows seen[:, t]
    steps = np.arange(seen.shape[1])[:, None] + np.arange(CHUNK)
    chunks = actions[:, steps.clip(max=seen.shape[1] - 1)]  # (E, T, CHUNK, A); the last action is repeated
    return task, torch.tensor(seen).flatten(0, 1), torch.tensor(chunks).flatten(0, 1)


def train(file: Path, steps: int = 3000, seed: int = 0) -> Path:
    """Train on one file of demonstrations; returns the file of weights."""
    drawn = torch.Generator().manual_seed(seed)
    torch.set_num_threads(1)  # so small a network is slower with more
    task, seen, chunks = read_windows(file)
    mean, scale = seen.mean(0), seen.std(0).clip(min=0.002)  # 2 mm: jitter is not blown up
    middle, spread = chunks.mean((0, 1)), chunks.std((0, 1)).clip(min=0.01)  # (A,): every column counts alike
    with torch.random.fork_rng(devices=()):  # PyTorch draws first weights from its global generator alone
        torch.manual_seed(seed)
        network = make_network(seen.shape[1], chunks.shape[2])
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    for step in range(steps):
        batch = torch.randint(len(seen), (256,), generator=drawn)
        predicted = network((seen[batch] - mean) / scale)
        loss = nn.functional.mse_loss(predicted, ((chunks[batch] - middle) / spread).flatten(1))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if (step + 1) % 500 == 0 or step + 1 == steps:
            print(f"{task}: step {step + 1} of {steps}, loss {loss.item():.6f}", flush=True)  # noqa: T201
    WEIGHTS.mkdir(exist_ok=True)
    path = WEIGHTS / f"{task}.safetensors"  # plain numbers: a .pt file may hold code
    card = {"demonstrations": file.name, "steps": steps, "seed": seed}
    tensors = network.state_dict() | {"mean": mean, "scale": scale, "middle": middle, "spread": spread}
    path.write_bytes(save(tensors, {"card": json.dumps(card)}))  # `save_file` hides it from others
    return path


class Cloned(Policy):
    """Regression of action chunks; the demonstrations' two modes are averaged."""

    clip = True  # a network overshoots, and an action out of range would end the episode
    description = "An example: behaviour cloning of action chunks in plain PyTorch."

    def __init__(self, task) -> None:  # noqa: ANN001
        """Load the weights of a task; called once a worker and batch of episodes."""
        super().__init__(task)
        torch.set_num_threads(1)  # workers share the cores
        self.file = WEIGHTS / f"{task.id}.safetensors"
        with safe_open(self.file, "pt") as saved:
            weights = {name: saved.get_tensor(name) for name in saved.keys()}  # noqa: SIM118 (no mapping)
            self.training = json.loads(saved.metadata()["card"])
        self.mean, self.scale, self.middle, self.spread = map(
            weights.pop, ("mean", "scale", "middle", "spread")
        )
        acted = sum(spec.size for spec in task.actions("ee_absolute"))
        self.network = make_network(len(self.mean), acted)
        self.network.load_state_dict(weights)
        self.network.eval()
        self.parameters = sum(part.numel() for part in self.network.parameters())

    @torch.no_grad()
    def act(self, observation: dict[str, np.ndarray]) -> Decision:
        """Return chunks (N, CHUNK, A) for observations (N, d) each."""
        seen = np.concatenate([observation[name] for name in sorted(observation)], axis=1)
        chunks = self.network((torch.tensor(seen, dtype=torch.float32) - self.mean) / self.scale)
        actions = chunks.reshape(len(seen), CHUNK, -1) * self.spread + self.middle
        return Decision(actions.double().numpy())

    def artifacts(self) -> dict[str, str]:
        """Return the sha256 of the weights: new weights are another policy, and a run says so."""
        return {f"{self.task.id}/{self.file.name}": hashlib.sha256(self.file.read_bytes()).hexdigest()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Train on demonstrations of one or more tasks.")
    parser.add_argument("files", nargs="+", type=Path, metavar="DEMONSTRATIONS")
    parser.add_argument("--steps", type=int, default=3000)
    options = parser.parse_args()
    for each in options.files:
        print(train(each, options.steps))  # noqa: T201
