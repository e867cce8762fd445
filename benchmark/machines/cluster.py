"""Shares the shards of a run out among other machines and writes what they answer into the run's folder.

`Cluster` has the rules: machines are compared with the run first; a shard whose machine is lost is played
once more, as one whose worker died; the files are written here, under the run's lock. How calls get to the
machines is a subclass's business (`ray_cluster`).
"""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ...envs.errors import BimodalError, WrongUse
from ...envs.storage.atomic_write import write_bytes
from ..evaluation.worker_pool import TRIES, Answer
from ..evaluation.worker_process import Job
from ..records.fault_file import NAME as FAULTS
from ..records.field_types import one_line
from ..records.run_folder import RunFolder
from ..records.run_record import Machine, RunRecord
from ..records.shard_file import stamp
from ..rollout.plan_records import plan_file
from ..rollout.shard import Shard
from .node import Order
from .parcel import pack

LOST = "its machine was lost"
"""What is wrong with a shard whose machine died, was taken away, or was not heard of any more."""
_LONGEST = 300
"""Characters of what a machine says that are shown."""


class Cluster(ABC):
    """Machines that play for a run; `EvalOptions.machines`."""

    def __init__(self, at_once: int | None = None) -> None:
        """Note how many shards are out at most; None for as many as the machines have room for."""
        self._at_once = at_once
        self._order: Order | None = None

    def meet(self, job: Job, record: RunRecord) -> RunRecord:
        """Compare every machine with what the run is made of; returns the record with the first one's kind.

        Raises:
            WrongUse: one cannot take part; BimodalError: there is none.
        """
        self._order = Order(pack(job), record.plain())
        answers = self.inspect_all(self._order)
        if not answers:
            raise BimodalError(
                "no machine of the cluster has the processors and GPUs that a process asks for"
            )
        for answer in answers:
            _refuse(answer)
        machines = [Machine.model_validate(answer["machine"]) for answer in answers]
        return record.model_copy(update={"machine": machines[0]})

    def work(self, shards: Sequence[Shard], run: RunFolder, say: Callable[[str], None]) -> Iterator[Answer]:
        """Play shards, write their records into the run's folder; yield an answer as each one ends."""
        assert self._order, "the machines were compared with the run first"
        queue = deque((shard, 1) for shard in shards)
        out: dict[Any, tuple[Shard, int]] = {}
        self.begin(self._order)
        try:
            while queue or out:
                while queue and len(out) < min(self.room(), self._at_once or self.room()):
                    shard, tries = queue.popleft()
                    out[self.send(shard)] = shard, tries
                for call, answer in self.answers(list(out)):
                    shard, tries = out.pop(call)
                    problem = LOST if answer is None else self._receive(answer, shard, run, say)
                    if problem and tries < TRIES:
                        say(f"{shard.task} {shard.variant} {shard.index} is played once more: {problem}")
                        queue.append((shard, tries + 1))
                    else:
                        yield Answer(shard, problem)
        finally:
            self.end(list(out))

    def _receive(
        self, answer: dict[str, Any], shard: Shard, run: RunFolder, say: Callable[[str], None]
    ) -> str:
        """Write what a machine played into the run's folder; returns what the harness did wrong there.

        Raises:
            WrongUse: the machine cannot take part any more.
        """
        _refuse(answer)
        problem = one_line(str(answer.get("problem", "")), _LONGEST)
        if problem or "record" not in answer:
            return problem or f"{answer['host']} sent no record"
        kinds = len(run.record.parts)
        run_id = run.admit(Machine.model_validate(answer["machine"]), float(answer["seconds"]))
        if 0 < kinds < len(run.record.parts):
            say(f"{answer['host']} calculates otherwise than those before; run.json says which played what")
        if "faults" in answer and not (run.path / FAULTS).exists():
            write_bytes(run.path / FAULTS, answer["faults"])
        file = run.file(shard)
        if "plans" in answer:
            write_bytes(plan_file(file), answer["plans"])
        else:
            plan_file(file).unlink(missing_ok=True)
        write_bytes(file, stamp(answer["record"], run_id))
        return ""

    # ---------------------------------------------------------------------------- what a subclass does

    @abstractmethod
    def inspect_all(self, order: Order) -> list[dict[str, Any]]:
        """Have every machine say what it is; returns the answers of `node.inspect`."""

    @abstractmethod
    def room(self) -> int:
        """Return how many shards may be out now."""

    @abstractmethod
    def begin(self, order: Order) -> None:
        """Get ready to send shards of a run."""

    @abstractmethod
    def send(self, shard: Shard) -> Any:
        """Have a machine play a shard; returns what stands for the call."""

    @abstractmethod
    def answers(self, calls: list[Any]) -> list[tuple[Any, dict[str, Any] | None]]:
        """Wait a moment; return the calls that have ended with their answers, None where the machine is lost.

        Raises:
            BimodalError: no machine is left.
        """

    @abstractmethod
    def end(self, calls: list[Any]) -> None:
        """Give up the calls that are still out, and what `begin` made."""


def _refuse(answer: dict[str, Any]) -> None:
    """Raise what a machine says that stops the run."""
    if why := answer.get("refused"):
        raise WrongUse(f"the machine {answer['host']} cannot play this run: {one_line(str(why), _LONGEST)}")
