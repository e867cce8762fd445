"""How an evaluation runs: the options of `evaluate`, `bimodal evaluate` and `bimodal reproduce`."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ...envs.errors import WrongUse
from ..records.contract_card import Answers
from ..records.run_folder import RunFolder
from ..records.run_record import RunOptions, RunPart, RunRecord
from ..rollout.shard import Shard
from ..rollout.timeouts import DEADLINE_S
from .early_stop import Baseline
from .worker_pool import Answer
from .worker_process import Job


class Machines(Protocol):
    """Other machines that play the shards of a run; `benchmark/machines` has those of Ray."""

    def meet(self, job: Job, record: RunRecord) -> RunRecord:
        """Compare every machine with what the run is made of; returns the record, with their kind in it.

        Raises:
            WrongUse: one has other code, packages, tasks or weights, or cannot shut the policy in.
        """
        ...

    def work(self, shards: Sequence[Shard], run: RunFolder, say: Callable[[str], None]) -> Iterator[Answer]:
        """Play shards, write their records into the run's folder; yield an answer as each one ends.

        Called after `meet`; `say` tells the user what happens on the way.
        """
        ...


@dataclass(frozen=True)
class EvalOptions:
    """Where the records go and on what they are made; what an episode does depends on none of it.

    Raises:
        WrongUse: a number that cannot be.
    """

    out: Path | str | None = None
    """The run's folder; None for `runs/<suite>-<policy>`."""
    checkpoints: Path | str | None = None
    """Folder of trained weights; None for the shipped ones."""
    workers: int | None = None
    """Processes; None for one a core, 0 to stay in this process (always so for a class)."""
    threads: int = 1
    """Simulation threads of a process."""
    deadline_s: float = DEADLINE_S
    """Longest time that a decision may take [s]."""
    fresh: bool = False
    """Discard what the folder holds instead of resuming it."""
    sandbox: bool | None = None
    """Whether the policy is shut in; None for shut in if it is not Bimodal's own."""
    card: Answers | None = None
    """What the submitter says for the contract card; None for nothing, or for what was said before."""
    progress: Callable[[int, int], None] | None = None
    """Called with (episodes finished, episodes) as shards end."""
    notice: Callable[[str], None] | None = None
    """Called with a line that the user should read."""
    until_decided: Baseline | None = None
    """End as soon as the run is better or worse than this; None plays the whole panel."""
    part: RunPart | None = None
    """Play this share of the shards alone, for `merge`; None for all of them."""
    machines: Machines | None = None
    """Who plays the shards, `workers` at a time; None for this machine."""
    check: Callable[[RunRecord], None] | None = None
    """Called with the record of the run before anything is written; what it raises stops the run."""

    def __post_init__(self) -> None:
        if self.workers is not None and self.workers < 0:
            raise WrongUse(f"workers is {self.workers}; it must be 0 or more")
        if self.threads < 1:
            raise WrongUse(f"threads is {self.threads}; it must be at least 1")
        if not 0 < self.deadline_s < 1e6:
            raise WrongUse(f"the deadline is {self.deadline_s:g} s; it must be more than 0")
        if self.part and self.until_decided:
            raise WrongUse("a part of a run decides nothing; leave out --shard or --until-decided")
        if self.part and self.machines:
            raise WrongUse("other machines share out the whole run themselves; leave out --shard")
        if self.machines and self.workers == 0:
            raise WrongUse("other machines play in processes of theirs; leave out --workers 0")

    @property
    def weights(self) -> Path | None:
        """The folder of weights, wherever a worker process starts; None for the shipped ones."""
        return Path(self.checkpoints).resolve() if self.checkpoints else None

    def report(self, finished: int, total: int) -> None:
        """Tell the caller how many episodes have ended."""
        if self.progress:
            self.progress(finished, total)

    def say(self, line: str) -> None:
        """Tell the user something."""
        if self.notice:
            self.notice(line)

    def record(self) -> RunOptions:
        """Return what the run record says of the options."""
        folder = str(self.checkpoints) if self.checkpoints else None
        return RunOptions(threads=self.threads, deadline_s=self.deadline_s, checkpoints=folder)
