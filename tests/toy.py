"""A task in which a hand goes to one of two sides, small enough to be learnt in a test."""

from types import SimpleNamespace

import numpy as np
from bimodal.envs.specs import Spec
from bimodal.policies.core.policy import Episodes
from bimodal.policies.training import train as training
from bimodal.tasks.demonstrations import collect as demonstrations

REACH = 0.06
"""The two modes lie at y = -REACH and y = +REACH [m]."""
FORK = 10
"""Control steps before the modes part."""


def spec(name, size):
    return Spec(name, (size,), "m", "world", -2.0, 2.0, "Toy.")


def toy_task(name="Toy-v1", modes=("left", "right"), sizes=(3, 2)):
    components = (spec("tcp_position", sizes[0]), spec("pole_position", sizes[1]))
    return SimpleNamespace(
        id=name,
        modes=modes,
        observation=components,
        arms=1,
        places=lambda: modes,
        taken_places=lambda observation, modes: modes,
    )


def toy_demos(episodes=100, steps=24, sides=(-1.0, 1.0)):
    """A hand comes down above a pole, then goes to one of its sides; until then nothing tells which."""
    rng = np.random.default_rng(3)
    modes = np.arange(episodes) % len(sides)
    pole = rng.uniform(-0.05, 0.05, (episodes, 1, 2)).repeat(steps + 1, axis=1)
    down, aside = (
        np.clip(np.arange(steps + 1) / FORK, 0, 1),
        np.clip(np.arange(-FORK, steps + 1 - FORK) / 8, 0, 1),
    )
    y = pole[:, :, 1] + REACH * np.array(sides)[modes][:, None] * aside
    path = np.stack([pole[:, :, 0], y, np.broadcast_to(0.2 - 0.1 * down, y.shape)], axis=2)
    pointing_down = np.tile([1.0, 0, 0, 0, -1, 0, 0.08], (episodes, steps, 1))
    seen = {"tcp_position": path[:, :-1].astype(np.float32), "pole_position": pole[:, :-1].astype(np.float32)}
    actions = np.concatenate([path[:, 1:], pointing_down], axis=2).astype(np.float32)
    return demonstrations.Demonstrations(
        {"task": "Toy-v1"}, np.arange(episodes), modes.astype(np.int8), np.ones(episodes, bool), seen, actions
    )


def save(demos, path):
    digest = demonstrations.content_digest(demos)
    return demonstrations.save(demos._replace(meta={**demos.meta, "digest": digest}), path)


def fork(rows):
    """Frames at which the modes part, of scenes that the training has not seen."""
    pole = np.random.default_rng(8).uniform(-0.04, 0.04, (rows, 2))
    return {"tcp_position": np.column_stack([pole, np.full(rows, 0.1)]), "pole_position": pole}


def first_chunks(policy, rows):
    policy.reset(Episodes(np.arange(100, 100 + rows, dtype=np.uint64), None))
    return policy.act(fork(rows)).actions


def sideways(chunks):
    """Where the chunks end beside the pole, in units of the modes' distance: -1 and 1 are the modes."""
    return (chunks[:, -1, 1] - fork(len(chunks))["pole_position"][:, 1]) / REACH


def takes_both(chunks):
    """Whether nearly all chunks end at a mode, hardly any in the middle, and about half at each."""
    ends = sideways(chunks)
    committed = np.abs(np.abs(ends) - 1) < 0.25
    even = 0.3 < (ends[committed] > 0).mean() < 0.7
    return bool(committed.mean() > 0.9 and (np.abs(ends) < 0.5).mean() < 0.05 and even)


def train(method, demos, out, progress=None, notice=None, **options):
    """Train with options given by name, as `TrainOptions` calls them."""
    return training.train(method, demos, out, training.TrainOptions(**options), progress, notice)
