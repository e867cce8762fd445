"""A policy that answers from a server: agrees with it before the first episode, then asks for every decision.

What the server answers wrongly is the policy's fault, for the episodes that it was asked about. A connection
that is gone is nobody's fault: it is opened again, and where that does not help, or where the server has
forgotten what an episode's next answer depends on, the run ends with `ServerLost` and can be resumed.
"""

from contextlib import suppress
from functools import cache
from typing import ClassVar, NamedTuple

import numpy as np

from ...envs.errors import BimodalError, WrongUse
from ...envs.images import IMAGES, INSTRUCTION
from ...envs.specs import size
from ...tasks.core.task import Task
from ..core.policy import Decision, Episodes, Needs, Policy, RowFault
from ..core.server_address import Address, address_of
from .codec import BadFrame
from .connection import Late, Lost
from .contract import Agreement
from .conventions import to_ours, width
from .lanes import Lanes, digest
from .sessions import ModelError, Session, question

_REQUEST_S = 30.0
"""Longest wait for an answer where the evaluation does not say [s]."""
_SHOWN = {"tcp_position": (0.5, 0.0, 0.2), "tcp_rotation": (1, 0, 0, 0, -1, 0), "gripper_opening": (0.08,)}
"""What the trial question shows of a hand; of everything else zeros."""


class _Met(NamedTuple):
    """What was found out of a server for one task."""

    agreement: Agreement
    digest: str


_met: dict[tuple[Address, str], _Met] = {}
"""Servers that this process has asked its trial question."""


@cache
def remote_class(uri: str) -> type["RemotePolicy"]:
    """Return the class of the policy behind a server's URI; raises `WrongUse` for none."""
    address = address_of(uri)
    return type(str(address), (RemotePolicy,), {"address": address, "__module__": __name__})


class RemotePolicy(Policy):
    """Asks a server; `remote_class` makes a subclass for each."""

    address: ClassVar[Address]

    def __init__(self, task: Task) -> None:
        """Connect, agree, and ask one trial question.

        Raises:
            WrongUse: what the server wants or answers does not fit the task, a line each.
            BimodalError: nobody answers.
        """
        super().__init__(task)
        self.description = f"Answers from {self.address}."
        self._lanes = Lanes(self.address, _REQUEST_S)
        met = _met.get((self.address, task.id))
        session = self._lanes.open(patient=met is not None)
        try:
            self._lanes.digest = digest(session.metadata)
            if met is None or met.digest != self._lanes.digest:
                met = _Met(self._introduced(session), self._lanes.digest)
                _met[self.address, task.id] = met
        finally:
            session.close()
        self._agreement = met.agreement
        self.clip = met.agreement.clip
        self.assumed = tuple(f"{self.address}: {line}" for line in met.agreement.assumed)
        self.called = f"{met.agreement.name or self.address.host} ({self.address.scheme})"
        self.reset(Episodes(np.zeros(0, np.uint64)))

    def __del__(self) -> None:
        """Hang up."""
        with suppress(Exception):
            self._lanes.close()

    def needs(self) -> Needs:
        """Return what the server reads and emits."""
        agreed = self._agreement
        seen = agreed.pictures
        names = (*agreed.observations, *seen.names)
        return Needs(names, agreed.action, agreed.n_action_steps, False, seen.image_size, seen.image_frames)

    def artifacts(self) -> dict[str, str]:
        """Return the sha256 of what the server says of itself, which is all that is known of it."""
        return {f"{self.task.id}/server": self._lanes.digest}

    def reset(self, episodes: Episodes) -> None:
        """Begin N episodes; the server hears of it with the first question."""
        self._keys = np.asarray(episodes.noise_keys, np.uint64)
        self._decision = 0
        self._ended: set[int] = set()
        self._lanes.timeout_s = episodes.deadline_s or _REQUEST_S
        batch = self._agreement.max_batch_size
        fitting = self._agreement.pictures.most_rows()
        self._most = max(min(batch, fitting), 1)
        # episodes whose pictures do not fit into one frame are asked about on connections of their own
        self._shared = batch <= fitting and (self.address.scheme == "openpi" or batch > 0)
        self._lanes.spread(1 if self._shared else -(-len(self._keys) // self._most))

    def act(self, observation: dict[str, np.ndarray]) -> Decision:
        """Return the server's chunks (N, H, A), and why there is none for some rows.

        Raises:
            ServerLost: the server is gone.
        """
        agreed = self._agreement
        n = len(self._keys)
        groups = [np.arange(n)[at : at + self._most] for at in range(0, n, self._most)]
        waiting = [group for group in groups if not self._ended.issuperset(group.tolist())]
        asked = []
        for group in waiting:
            rows = {name: values[group] for name, values in observation.items()}
            lane = 0 if self._shared else int(group[0]) // self._most
            asked.append((lane, question(agreed, self.task, rows, self._keys[group], self._decision)))
        ours = size(self.task.actions(agreed.action))
        actions = np.full((n, agreed.n_action_steps, ours), np.nan)
        faults: dict[int, RowFault] = {}
        try:
            answers = self._lanes.exchange(asked, forgets=agreed.remembers and self._decision > 0)
            for group, said in zip(waiting, answers, strict=True):
                found = self._read(said, len(group))
                if isinstance(found, RowFault):
                    faults |= {int(row): found for row in group}
                else:
                    actions[group] = found
        except BaseException:
            self._lanes.close()  # a late answer would be taken for the next one
            raise
        self._ended |= faults.keys()
        self._decision += 1
        return Decision(actions, faults=faults or None)

    def _read(self, said: object, rows: int) -> np.ndarray | RowFault:
        """Return what came for a question of some rows: chunks (k, H, A), or what is wrong with it."""
        try:
            if isinstance(said, Exception):
                raise said
            return _chunks(self._agreement, self.task, said, rows)
        except ModelError as error:
            return RowFault("POLICY_ERROR", f"the model behind {self.address} failed: {error}")
        except Late as error:
            return RowFault("POLICY_TIMEOUT", f"{self.address}: {error}")
        except BadFrame as error:
            return RowFault("POLICY_INVALID_ACTION", f"{self.address} answered {error}")

    def _introduced(self, session: Session) -> Agreement:
        """Return what is agreed with a server that was not asked before, after one trial question.

        Raises:
            WrongUse: all that does not fit, a line each.
            BimodalError: it does not answer.
        """
        agreed = session.agreed(self.task)
        problems = list(agreed.problems)
        if not problems:
            seen = self._trial(agreed)
            try:
                session.ask(question(agreed, self.task, seen, np.zeros(1, np.uint64), 0))
                whole = agreed._replace(n_action_steps=0) if agreed.vector else agreed
                length = _chunks(whole, self.task, session.answer(_REQUEST_S), 1).shape[1]
                agreed = agreed._replace(n_action_steps=min(agreed.n_action_steps or length, length))
            except (ModelError, BadFrame) as error:
                problems.append(f"a trial question is answered with {error}")
                problems += [f"(taken for granted, as it is not said: {line})" for line in agreed.assumed]
            except (Late, Lost) as error:
                raise BimodalError(f"{self.address} does not answer a trial question: {error}") from None
        if problems:
            raise WrongUse("\n".join(f"{self.address}, {self.task.id}: {line}" for line in problems))
        return agreed

    def _trial(self, agreed: Agreement) -> dict[str, np.ndarray]:
        """Return what the trial question shows of one episode: a hand, zeros, black pictures, the goal."""
        values = {spec.name: _SHOWN.get(spec.name.removeprefix("second_")) for spec in self.task.observation}
        seen = {
            spec.name: np.array([values[spec.name] or (0.0,) * spec.size], float)
            for spec in self.task.observation
        }
        black = np.zeros((1, *agreed.pictures.shape()), np.uint8)
        return seen | dict.fromkeys(IMAGES, black) | {INSTRUCTION: np.array([self.task.goal])}


def _chunks(agreed: Agreement, task: Task, said: object, rows: int) -> np.ndarray:
    """Return an answer for some rows as chunks (k, n_action_steps, A) of ours.

    Raises:
        BadFrame: it is none.
    """
    try:
        chunk = np.asarray(said, np.float64)
    except (TypeError, ValueError):
        raise BadFrame(f"a {type(said).__name__} in place of actions") from None
    wide = width(agreed.action, agreed.rotation) * task.arms
    if not agreed.max_batch_size:
        chunk = chunk[None, None] if chunk.ndim == 1 else chunk[None]
    steps = agreed.n_action_steps or (chunk.shape[1] if chunk.ndim == 3 else 0)
    if chunk.ndim != 3 or (len(chunk), chunk.shape[2]) != (rows, wide) or not 0 < steps <= chunk.shape[1]:
        batch = f"{rows}, " if agreed.max_batch_size else ""
        expected = f"({batch}H >= {max(agreed.n_action_steps, 1)}, {wide})"
        shape = getattr(said, "shape", f"of a {type(said).__name__}")
        raise BadFrame(f"actions of the shape {shape}; expected {expected}")
    return to_ours(chunk[:, :steps], agreed.action, agreed.rotation, agreed.gripper)
