"""Suites: which tasks, on which seeds, in which variants - as data, with a version and a hash."""

import hashlib
import json
from typing import NamedTuple

import mujoco

from ..envs import control, robot, scene, simulation, specs
from ..envs.errors import WrongUse, unknown_name
from ..tasks import load_task, referee, task_id
from ..tasks import task as task_module
from ..tasks.demonstrations import FIRST_SEED
from ..tasks.fingerprint import fingerprint
from . import shard
from .shard import Shard

SHARD_SIZE = 100
"""Episodes in a shard; part of the suite, because a policy decides for a shard at once."""
_ROOMS = (specs, robot, scene, control, simulation, task_module, referee, shard)  # have such numbers


class Suite(NamedTuple):
    """A fixed list of episodes."""

    name: str
    """Name; a suite cut down by options carries a `*`."""
    version: str
    """Raised whenever a number of the suite changes."""
    tasks: tuple[str, ...]
    """Task ids."""
    seeds: range
    """Episode seeds, the same for every task and policy."""
    variants: tuple[str, ...] = ("clean",)
    """Variants of every task."""

    def shards(self) -> list[Shard]:
        """Return the suite's episodes in shards, always the same ones."""
        return [
            Shard(task, variant, index, tuple(self.seeds[begin : begin + SHARD_SIZE]))
            for task in self.tasks
            for variant in self.variants
            for index, begin in enumerate(range(0, len(self.seeds), SHARD_SIZE))
        ]

    def hash(self) -> str:
        """Return what must be equal for two results to be comparable: tasks, seeds, variants, MuJoCo."""
        content = {
            "version": self.version,
            "tasks": {task: fingerprint(load_task(task)) for task in self.tasks},
            "seeds": [self.seeds.start, len(self.seeds)],
            "variants": self.variants,
            "shard": SHARD_SIZE,
            "mujoco": mujoco.__version__,
            "actions": {name: [str(part) for part in parts] for name, parts in specs.ACTIONS.items()},
            "constants": constants(),
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]

    def card(self) -> dict:
        """Return the suite as it is written into records."""
        return {
            "name": self.name,
            "version": self.version,
            "hash": self.hash(),
            "tasks": list(self.tasks),
            "seeds": {"start": self.seeds.start, "count": len(self.seeds)},
            "variants": list(self.variants),
        }


_FOUR = ("PandaLiftDumbbell-v1", "PandaPickAroundPost-v1", "PandaLiftPot-v1", "PandaPickEitherCube-v1")
SUITES = {
    suite.name: suite
    for suite in (
        Suite("smoke", "1", ("PandaLiftDumbbell-v1", "PandaPickAroundPost-v1"), range(16)),
        Suite("core", "1", _FOUR, range(200)),
        Suite("full", "1", _FOUR, range(1000)),
    )
}
"""The suites, by name."""


def find_suite(name: str, tasks: tuple[str, ...] = (), seeds: range | None = None) -> Suite:
    """Return a suite, cut down to some of its tasks or to other seeds.

    Raises:
        WrongUse: no such suite or task, or seeds that belong to the demonstrations.
    """
    if name not in SUITES:
        raise unknown_name("suite", name, SUITES)
    suite = SUITES[name]
    tasks = tuple(load_task(task_id(task)).id for task in tasks)
    if seeds is not None and (
        len(seeds) == 0 or seeds.step != 1 or seeds.start < 0 or seeds.stop > FIRST_SEED
    ):
        raise WrongUse(f"seeds must be START..END within 0..{FIRST_SEED - 1}, e.g. --seeds 0..49")
    chosen = tuple(dict.fromkeys(tasks)) or suite.tasks
    cut = suite._replace(tasks=chosen, seeds=suite.seeds if seeds is None else seeds)
    return suite if cut == suite else cut._replace(name=f"{name}*")


def suite_from_card(card: dict) -> Suite:
    """Return the suite that a record names."""
    seeds = range(card["seeds"]["start"], card["seeds"]["start"] + card["seeds"]["count"])
    return Suite(card["name"], card["version"], tuple(card["tasks"]), seeds, tuple(card["variants"]))


def constants() -> dict[str, str]:
    """Return the named numbers that decide how the episodes of any task go and that no scene shows."""
    return {
        f"{room.__name__.rpartition('.')[2]}.{name}": repr(value)
        for room in _ROOMS
        for name, value in vars(room).items()
        if name.isupper()
        and all(type(part) in (int, float) for part in (value if type(value) is tuple else [value]))
    }
