"""Suites: which tasks, on which seeds, in which variants - as data, with a version and a hash."""

import hashlib
import json
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import mujoco

from ..envs import specs
from ..envs.errors import WrongUse, unknown_name
from ..envs.perturbations.core.outside_sources import outside_sources
from ..envs.perturbations.core.variant import CLEAN, Variant
from ..envs.seed_ranges import REPEATED, REPEATS, TRAIN
from ..tasks import load_task, task_id
from ..tasks.core.fingerprint import fingerprint
from ..tasks.core.instructions import digest
from . import suite_lists as lists
from .records.run_record import SeedPanel, SuiteRecord
from .rollout.shard import Shard
from .suite_constants import constants

SHARD_SIZE = 100
"""Episodes in a shard; part of the suite, because a policy decides for a shard at once."""


@cache
def impossible(task: str, variant: str, pictures: bool = False) -> str:
    """Return why a variant cannot apply to a task for a policy with or without pictures, "" if it can."""
    return Variant(variant).impossible(load_task(task), pictures)


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
    variants: tuple[str, ...] = (CLEAN,)
    """Variants of every task, `clean` first: a perturbed episode counts only beside its clean twin."""
    shifted: int | None = None
    """How many of the seeds, from the first, every other variant has; None for all."""
    block: int | None = None
    """Seeds of a shard where they are fewer than `SHARD_SIZE`; no bit, so no hash, depends on it."""
    pictures: bool = False
    """Whether the policy reads pictures; only then there are variants of what a camera gives."""
    instructed: bool = False
    """Whether each episode is asked for one mode in words, the only one that counts as success."""

    def panel(self, variant: str) -> range:
        """Return the seeds of a variant."""
        return self.seeds if variant == CLEAN else self.seeds[: self.shifted]

    def cells(self) -> list[tuple[str, str]]:
        """Return every task in every variant that can apply to it."""
        pairs = ((task, variant) for task in self.tasks for variant in self.variants)
        return [(task, variant) for task, variant in pairs if not impossible(task, variant, self.pictures)]

    def shown_to(self, pictures: bool, words: bool) -> "Suite":
        """Return the suite for a policy; called once the policy has said what it reads.

        Args:
            pictures: whether it reads pictures.
            words: whether it reads the instruction.

        Raises:
            WrongUse: it would not notice a variant that somebody named.
        """
        whole = suite_of(self.name.rstrip("*"), self.version)
        named = () if whole and self.variants == whole.variants else self.variants
        for variant in map(Variant, named):
            if (why := variant.unseen(pictures, words)) and not variant.unseen(pictures=True):
                read = "instruction" if variant.unseen(True, words) else "pictures"
                raise WrongUse(f"{why}: this policy reads no {read}")
        return self._replace(pictures=pictures)

    def shards(self) -> list[Shard]:
        """Return the suite's episodes in shards, always the same ones."""
        size = self.block or SHARD_SIZE
        return [
            Shard(task, variant, index, tuple(self.panel(variant)[begin : begin + size]), self.instructed)
            for task, variant in self.cells()
            for index, begin in enumerate(range(0, len(self.panel(variant)), size))
        ]

    def hash(self) -> str:
        """Return what must be equal for two results to be comparable: tasks, seeds, variants, MuJoCo."""
        content = {
            "version": self.version,
            "tasks": {task: fingerprint(load_task(task)) for task in self.tasks},
            "seeds": [self.seeds.start, len(self.seeds), self._shifted],
            "variants": {variant: ladder(variant) for variant in self.variants},
            "shard": SHARD_SIZE,
            "mujoco": mujoco.__version__,
            "actions": {name: [str(part) for part in parts] for name, parts in specs.ACTIONS.items()},
            "constants": constants(),
            **outside_sources(self.variants),
            **self._said(),
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]

    def _said(self) -> dict[str, dict[str, str]]:
        """Return what can be said for each task where that is part of the suite, else nothing."""
        worded = any(Variant(variant).having("perturb_instruction") for variant in self.variants)
        if not (self.instructed or worded):
            return {}
        key = "instructions" if self.instructed else "sentences"
        return {key: {task: digest(load_task(task)) for task in self.tasks}}

    @property
    def _shifted(self) -> int:
        return len(self.seeds[: self.shifted])

    def record(self) -> SuiteRecord:
        """Return the suite as it is written into records."""
        return SuiteRecord(
            name=self.name,
            version=self.version,
            hash=self.hash(),
            tasks=self.tasks,
            seeds=SeedPanel(
                start=self.seeds.start, count=len(self.seeds), shifted=self._shifted, block=self.block
            ),
            variants=self.variants,
            pictures=self.pictures,
            instructed=self.instructed,
        )


SUITES = {
    suite.name: suite
    for suite in (
        Suite("smoke", "2", lists.SMOKE, range(16), (CLEAN, "contact.friction:2", "sensing.noise:2")),
        Suite("core", "2", lists.CORE, range(200), (CLEAN, *lists.AT_LEVEL_2), 50),
        Suite("full", "4", lists.FULL, range(200), (CLEAN, *lists.AT_DOSES)),
        Suite("core-vision", "1", lists.VISION, range(200), (CLEAN, *lists.IN_PICTURES), 50, pictures=True),
        Suite("hard", "4", lists.HARD, range(200)),
        Suite("diversity", "1", lists.CORE, REPEATED[: lists.SCENES * REPEATS]),
        Suite("instructed", "1", lists.CORE, range(200), (CLEAN, *lists.IN_WORDS), 50, instructed=True),
    )
}
"""The suites, by name. `core-vision` is for policies of pictures; `hard` has the tasks with headroom, in the
clean world; `diversity` plays few scenes often, each time with new policy noise; `instructed` asks for a mode
in words."""
EARLIER = (
    Suite("full", "3", lists.FULL, range(200), (CLEAN, *lists.EVERY_LEVEL)),
    Suite("hard", "1", lists.HARD_1, range(200)),
    Suite("hard", "2", lists.HARD_2, range(200)),
    Suite("hard", "3", lists.HARD_3, range(200)),
)
"""Versions that a later one follows, the oldest first: their entries stay, on boards of their own, and new
runs are of the last."""


def find_suite(
    name: str,
    tasks: Sequence[str] = (),
    seeds: range | None = None,
    variants: Sequence[str] | None = None,
) -> Suite:
    """Return a suite, cut down to some of its tasks, or to other seeds (of all variants) or variants.

    Raises:
        WrongUse: no such suite, task or variant, or seeds that belong to the demonstrations.
    """
    if name not in SUITES:
        raise unknown_name("suite", name, SUITES)
    suite = SUITES[name]
    seeds = _own_seeds(suite, seeds)
    tasks = tuple(load_task(task_id(task)).id for task in tasks)
    cut = suite._replace(tasks=tuple(dict.fromkeys(tasks)) or suite.tasks)
    for task in map(load_task, cut.tasks if suite.instructed else ()):
        digest(task)  # refuses one without instructions
    if seeds is not None and seeds != suite.seeds:
        cut = cut._replace(seeds=seeds, shifted=None)
    if variants is not None:
        if suite.seeds.start in REPEATED and set(variants) - {CLEAN}:
            raise WrongUse(f"{name} has the clean world alone; take another suite for variants")
        asked = tuple(Variant(variant).name for variant in variants)
        cut = cut._replace(variants=tuple(dict.fromkeys((CLEAN, *asked))), shifted=None)
        for task, variant in ((task, variant) for task in cut.tasks for variant in asked):
            if reason := impossible(task, variant, True) or Variant(variant).unseen(pictures=True):
                raise WrongUse(f"{variant} cannot apply to {task}: {reason}")
    return suite if cut == suite else cut._replace(name=f"{name}*")


def _own_seeds(suite: Suite, seeds: range | None) -> range | None:
    """Return the seeds that somebody names for a suite; of `diversity` by their place in its panel, too.

    Raises:
        WrongUse: they belong to the demonstrations, or there are none.
    """
    if seeds is None:
        return None
    repeated = suite.seeds.start in REPEATED
    if repeated and seeds.start not in REPEATED:
        seeds = suite.seeds[seeds.start : seeds.stop]
    allowed = REPEATED if repeated else range(TRAIN.start)
    if not len(seeds) or seeds.step != 1 or seeds[0] not in allowed or seeds[-1] not in allowed:
        raise WrongUse(f"seeds must be START..END within 0..{TRAIN.start - 1}, e.g. --seeds 0..49")
    return seeds


def suite_of(name: str, version: str) -> Suite | None:
    """Return a suite of the leaderboard in a version, else in its last; None for an unknown name."""
    known = {(one.name, one.version): one for one in EARLIER}
    return known.get((name, version), SUITES.get(name))


def is_earlier(record: SuiteRecord) -> bool:
    """Return whether a record is of a version of a suite that a later one follows."""
    return any((one.name, one.version) == (record.name, record.version) for one in EARLIER)


def suite_from_record(record: SuiteRecord) -> Suite:
    """Return the suite that a record names."""
    panel = record.seeds
    seeds = range(panel.start, panel.start + panel.count)
    return Suite(
        record.name,
        record.version,
        record.tasks,
        seeds,
        record.variants,
        panel.shifted,
        panel.block,
        record.pictures,
        record.instructed,
    )


def ladder(variant: str) -> list[tuple[str, int, float, str]]:
    """Return what a variant's name means: perturbation, level, magnitude and unit of each part."""
    parts = Variant(variant).parts
    return [(one.name, one.level, float(one.magnitude), one.unit) for one in parts]
