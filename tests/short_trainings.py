"""Short trainings for tests: random walks to learn from, a kill at a step, and what was written."""

import numpy as np
import pytest
from bimodal.tasks.demonstrations import collect as demonstrations
from toy import train


def random_walks(seed=0, episodes=8, steps=12):
    """Random walks of two modes; nothing to be learnt, but something to be trained on."""
    rng = np.random.default_rng(seed)
    seen = {"tcp_position": rng.normal(0, 0.1, (episodes, steps, 3)).astype(np.float32)}
    actions = rng.normal(0, 0.1, (episodes, steps, 10)).astype(np.float32)
    modes = (np.arange(episodes) % 2).astype(np.int8)
    demos = demonstrations.Demonstrations(
        {"task": "Toy-v1"}, np.arange(episodes), modes, np.ones(episodes, bool), seen, actions
    )
    return demos._replace(meta={**demos.meta, "digest": demonstrations.content_digest(demos)})


class Killed(Exception):
    pass


def interrupted(method, demos, out, at, **options):
    """Train until step `at`, where the process dies; returns the file of the state."""

    def die(step, steps, loss):
        if step == at:
            raise Killed

    with pytest.raises(Killed):
        train(method, demos, out, progress=die, **options)
    return out / "Toy-v1" / f".{method}.resume.safetensors"


def bits(path):
    """What a training wrote: the weights and their config."""
    return path.read_bytes(), path.with_suffix(".json").read_bytes()
