"""The record of a run, `run.json`: what was run, by whom, with what, on what.

Made by `evaluation/describe.py`. Names and order of the fields are those of the file.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from ...envs.images import MOST_OBS_STEPS
from .field_types import (
    Distinct,
    Duration,
    Key,
    Many,
    Number,
    Record,
    Seed,
    Sha256,
    TaskId,
    Text,
    VariantName,
    When,
)

SCHEMA_VERSION = 1

Isolation = Literal["bwrap", "landlock", "none", "remote"]
"""How a policy was shut in: by namespaces, by Landlock, or not at all; `remote`: nothing of it ran here."""


class SeedPanel(Record):
    """Consecutive seeds, the same for every task; variants other than `clean` have the first `shifted`."""

    start: Seed
    """First seed."""
    count: Annotated[int, Field(ge=1, le=1_000_000)]
    """Number of seeds."""
    shifted: Annotated[int, Field(ge=1, le=1_000_000)]
    """Number of seeds of every variant but `clean`."""
    block: Annotated[int | None, Field(ge=1, le=1_000_000, exclude_if=lambda value: value is None)] = None
    """Seeds of a batch, in a run that ended as soon as it was decided; absent for 100."""


class SuiteRecord(Record):
    """What was asked. Entries are compared only within one suite."""

    name: Annotated[str, Field(max_length=48)]
    """Name of the suite; one that was cut down by options carries a `*`."""
    version: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,23}$")]
    """Version of the suite."""
    hash: Annotated[str, Field(pattern=r"^[0-9a-f]{8,64}$")]
    """Fingerprint of the suite's definition."""
    tasks: Annotated[Distinct[TaskId], Field(min_length=1, max_length=100)]
    """Task ids, in the suite's order."""
    seeds: SeedPanel
    """The seeds of its episodes."""
    variants: Annotated[Distinct[VariantName], Field(min_length=1, max_length=200)]
    """Names of the variants; `clean` for none."""
    pictures: Annotated[bool, Field(exclude_if=lambda value: not value)] = False
    """Whether the policy reads pictures, so that there are variants of what a camera gives; absent for no."""
    instructed: Annotated[bool, Field(exclude_if=lambda value: not value)] = False
    """Whether each episode is asked for one mode in words, the only one that counts; absent for no."""


class PolicyRecord(Record):
    """What answered."""

    name: str
    """Name of the policy, and of its row on the board."""
    uri: str
    """What `bimodal evaluate` was given."""
    class_: Annotated[str, Field(alias="class")]
    """Python class of the policy."""
    track: Literal["state", "vision", "privileged"]
    """What the policy may see: poses of objects, pictures and no poses, or the simulator itself."""
    description: str
    """One sentence for a reader."""
    parameters: Annotated[int, Field(ge=0, le=10**13)] | None
    """Number of learned parameters; null when nothing was learned."""
    execute: Annotated[int, Field(ge=1)]
    """Actions executed of each chunk before the next decision."""
    action: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
    """Action space."""
    observations: Annotated[
        Many[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]], Field(max_length=100)
    ]
    """Names of the observation components that it reads; none for all of them."""
    pictures: Annotated[
        str, Field(pattern=r"^([1-9][0-9]{0,3} px x [1-9][0-9]?)?$", exclude_if=lambda value: not value)
    ] = ""
    """Size of the pictures among them and the control steps shown at once; absent where it reads none."""
    n_obs_steps: Annotated[int, Field(ge=1, le=MOST_OBS_STEPS, exclude_if=lambda value: value == 1)] = 1
    """Control steps whose observations it sees at once; absent for the present one alone."""
    artifacts: dict[str, str]
    """sha256 of every file that the policy loads, by `<task>/<file>`."""

    @property
    def past(self) -> str:
        """Of how many control steps it sees them, in words; "" for the present one alone."""
        return f" of the last {self.n_obs_steps} control steps" if self.n_obs_steps > 1 else ""


class Machine(Record):
    """The kind of machine; two runs on equal kinds are equal to the last bit."""

    cpu: Text
    """Name of the processor."""
    cores: int
    """Cores that the run could use."""
    os: Text
    """System and C library."""
    python: Text
    """Version of Python."""
    kernels: Annotated[
        dict[Key, Text] | None, Field(max_length=16, exclude_if=lambda value: value is None)
    ] = None
    """Numerical kernels in use, which decide whether bits agree: `openblas` its core type, `torch` its CPU
    capability, `numpy` its CPU features, `switches` the environment variables that choose kernels."""
    renderer: Annotated[
        dict[Key, Text] | None, Field(max_length=3, exclude_if=lambda value: value is None)
    ] = None
    """What pictures were drawn with: `vendor` and `name` of the OpenGL driver, `picture` the sha256 of a test
    picture; absent where the policy reads none."""


class RunOptions(Record):
    """Options of a run that its records do not depend on, or that say where the weights lay."""

    threads: int
    """Simulation threads of a process."""
    deadline_s: Number
    """Longest time that a decision might take [s]."""
    checkpoints: Annotated[str | None, Field(max_length=4096, exclude_if=lambda value: value is None)] = None
    """Folder of trained weights; absent for the shipped ones."""


class DecisionTime(Record):
    """Wall time of one decision for one episode."""

    p50: Number
    """Median [ms]."""
    p99: Number
    """99th percentile [ms]."""
    batch: int
    """Episodes decided in a call."""
    decisions: int
    """Decisions that were timed."""


class RunPart(Record):
    """Which share of a suite's shards a run plays, where several runs play it together."""

    number: Annotated[int, Field(ge=1, le=10_000)]
    """Its number, from 1."""
    of: Annotated[int, Field(ge=1, le=10_000)]
    """How many parts there are."""

    def __str__(self) -> str:
        """Return it in words."""
        return f"part {self.number} of {self.of}"


class PlayedPart(Record):
    """Where and when some shards of a run were played: a part that was joined, or a kind of machine."""

    run_id: Annotated[str, Field(pattern=r"^[0-9a-f]{1,32}$")]
    """What the files of its shards say."""
    part: RunPart
    """Which part it is."""
    created: When
    """When it was begun."""
    wall_s: Duration
    """Its wall time [s]; of a kind of machine, the time of its shards together."""
    machine: Machine
    """What it ran on."""


class EarlyStop(Record):
    """How a run ended that was to end as soon as a comparison is decided."""

    against: Text
    """The baseline, as sentences call it."""
    outcomes: Sha256
    """Fingerprint of the baseline's successes on `asked`."""
    asked: SuiteRecord
    """All that was to be played if nothing decided."""
    looks: Annotated[int, Field(ge=0)] = 0
    """How often the evidence was looked at."""
    pairs: Annotated[int, Field(ge=0)] = 0
    """Paired episodes at the last look."""
    only_candidate: Annotated[int, Field(ge=0)] = 0
    """Those in which this run alone succeeds."""
    only_baseline: Annotated[int, Field(ge=0)] = 0
    """Those in which the baseline alone succeeds."""
    log_evidence: Number = 0.0
    """Logarithm of the largest e-value of all looks."""


class RunRecord(Record):
    """One run of one policy on one suite."""

    schema_version: Literal[1]
    """Version of this record."""
    run_id: Annotated[str, Field(pattern=r"^[0-9a-f]{0,32}$", exclude_if=lambda value: not value)] = ""
    """Random, and in every shard file too: another run's records are not taken for this one's."""
    suite: SuiteRecord
    """What was asked."""
    policy: PolicyRecord
    """What answered."""
    training: dict[str, Any] | None
    """How it was trained, by task: demonstrations, seeds, other data; null when nothing was trained."""
    created: When
    """When the run was begun."""
    machine: Machine
    """What it ran on."""
    versions: dict[str, str]
    """Versions of the packages that matter; `code` is the digest of Bimodal's own sources."""
    options: RunOptions
    """How it was run."""
    isolation: Annotated[Isolation, Field(exclude_if=lambda value: value == "none")] = "none"
    """How the policy was shut in."""
    latency_ms: dict[str, DecisionTime]
    """Wall time of a decision, by task; tasks in which none was timed are absent."""
    wall_s: Duration
    """Wall time of the run, all sittings together [s]."""
    invalid_shards: Many[str]
    """What the harness did wrong, one line a shard; such a run makes no entry."""
    early_stop: Annotated[EarlyStop | None, Field(exclude_if=lambda value: value is None)] = None
    """How it ended before its panel did, of `evaluate --until-decided`; absent for others."""
    part: Annotated[RunPart | None, Field(exclude_if=lambda value: value is None)] = None
    """Which part of the suite it plays, of `evaluate --shard`; absent for the whole suite."""
    parts: Annotated[Many[PlayedPart], Field(max_length=10_000, exclude_if=lambda value: not value)] = ()
    """What `bimodal merge` joined, or the kinds of machines that `--ray` played it on; absent for others."""

    @property
    def run_ids(self) -> set[str]:
        """What the files of its shards may say of the run that they belong to."""
        return {self.run_id, *(one.run_id for one in self.parts)}

    @property
    def identity(self) -> dict[str, Any]:
        """What must be equal for a run to resume."""
        stop = self.early_stop
        return {
            "suite": stop.asked if stop else self.suite,
            "baseline": stop and stop.outcomes,
            "part": self.part,
            **{name: getattr(self, name) for name in ("policy", "training", "versions")},
        }
