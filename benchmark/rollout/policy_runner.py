"""Calls an untrusted policy for a batch of episodes: checks and times its answers, blames it for faults.

A policy's fault (an exception, a missed deadline, an action of wrong shape, not finite or out of range)
ends the episodes it concerns with a label of its own; it never ends the run.
"""

import time
import traceback
from collections.abc import Callable
from inspect import getattr_static
from typing import Any, NamedTuple

import numpy as np

from ...envs.robot.action_check import ActionCheck
from ...envs.simulation import Simulation
from ...envs.specs import to_grid
from ...policies.core.answers import InvalidAnswer, ServerLost, actions_of, faults_of, one_line
from ...policies.core.policy import Episodes, Needs, PlanRecord, Policy, RowFault
from ...tasks.core.referee import Referee
from .observation import Observer
from .plan_records import PlanLog, fitting
from .timeouts import Deadline, PolicyTimeout


class DecisionRecord(NamedTuple):
    """One call of `act`."""

    step: int
    """Control step at which it was asked."""
    latency_ms: float
    """Wall time of the call."""
    rows: int
    """Episodes decided in the call."""


class PolicyRunner:
    """Runs N episodes' calls of one policy; made by `run_shard` for every shard."""

    def __init__(
        self,
        policy: Policy,
        needs: Needs,
        simulation: Simulation,
        referee: Referee,
        deadline: Deadline,
        before_decision: Callable[[], None] = lambda: None,
    ) -> None:
        self.policy = policy
        self.needs = needs
        self.simulation = simulation
        self.referee = referee
        self.deadline = deadline
        self.before_decision = before_decision
        self.decisions: list[DecisionRecord] = []
        self.observer = Observer(referee.task, simulation, needs, referee.asked)
        self.plans = PlanLog(simulation.n)
        """How the policy came to them."""
        self.faults = np.full(simulation.n, "", dtype=object)
        """What went wrong in each episode, "" for nothing, (N,) str."""
        self.tracebacks: dict[str, str] = {}
        """Of the first fault of each kind, by the name of its exception."""
        self.clipped = np.zeros(simulation.n, np.int32)
        """Control steps of each episode in which an action was clipped, (N,)."""
        self._clips = getattr_static(policy, "clip", False) is True
        self._check = ActionCheck(needs.action, referee.task.arms)
        self._chunk = np.zeros((simulation.n, needs.n_action_steps, len(self._check.low)), np.int32)
        self._over = np.zeros(self._chunk.shape[:2], bool)

    def reset(self, noise_keys: np.ndarray, asked: np.ndarray | None = None) -> None:
        """Tell the policy that N episodes begin, and an oracle which mode each is asked for."""
        simulation = self.simulation if self.needs.privileged else None
        episodes = Episodes(noise_keys, simulation, self.deadline.request_s, asked)
        self._ask(lambda: self.policy.reset(episodes))

    def action(self, step: int) -> np.ndarray:
        """Return the actions of control step `step` on the grid, (N, A) int32."""
        seen = self.observer.see(step, ~self.referee.done)
        if seen is not None:
            self._decide(seen, step)
        place = step % self.needs.n_action_steps
        self.clipped += self._over[:, place] & ~self.referee.done
        return self._chunk[:, place]

    def _decide(self, observation: dict[str, np.ndarray], step: int) -> None:
        self.before_decision()
        begin = time.perf_counter()
        answer = self._ask(lambda: _answer(self.policy.act(observation), self.simulation.n))
        latency_ms = 1e3 * (time.perf_counter() - begin)
        self.decisions.append(DecisionRecord(step, latency_ms, self.simulation.n))
        chunk, plan, faults = answer or (None, PlanRecord(), {})
        for row, (label, text) in faults.items():
            self._blame(np.arange(self.simulation.n) == row, label, text)
        if chunk is not None:
            self._accept(chunk)
        self.plans.add(plan, self._chunk)

    def _accept(self, chunk: np.ndarray) -> None:
        """Take over the chunk; rows that are not sound keep their last action and end."""
        n, execute, width = self._chunk.shape
        if chunk.ndim != 3 or chunk.shape[0] != n or chunk.shape[1] < execute or chunk.shape[2] != width:
            text = f"act returned actions of shape {chunk.shape}; expected ({n}, >={execute}, {width})"
            self._blame(np.ones(n, bool), "POLICY_INVALID_ACTION", text)
            return
        chunk = chunk[:, :execute]
        self._over = np.zeros((n, execute), bool)
        if self._clips:
            finite = np.isfinite(chunk)
            self._over = finite.all(axis=-1) & ~self._check.inside(chunk)
            chunk = np.where(finite, np.clip(chunk, self._check.low, self._check.high), chunk)
        sound = self._check.sound(chunk).all(axis=1)
        for row in np.flatnonzero(~sound & ~self.referee.done):
            fault = self._check.fault(chunk[row])
            mend = ", or set clip = True in the class" if fault.endswith("clip it") else ""
            self._blame(np.arange(n) == row, "POLICY_INVALID_ACTION", f"act asked for {fault}{mend}")
        self._chunk[sound] = to_grid(chunk[sound])
        self._chunk[~sound] = self._chunk[~sound, -1:]

    def _ask(self, call):  # noqa: ANN001, ANN202
        """Call the policy under its deadline; a fault ends every running episode and returns None."""
        try:
            with self.deadline.watch():
                return call()
        except PolicyTimeout as error:
            self._keep(error)
            text = f"no decision within {self.deadline.deadline_s:g} s"
            self._blame(~self.referee.done, "POLICY_TIMEOUT", text)
        except InvalidAnswer as answer:
            n, execute, width = self._chunk.shape
            text = f"act returned {answer}; expected ({n}, >={execute}, {width}) numbers"
            self._blame(~self.referee.done, "POLICY_INVALID_ACTION", text)
        except ServerLost:
            raise  # it ends the run; nobody's score suffers
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt) and not self.deadline.in_worker:
                raise  # the user's own Ctrl-C; workers do not hear it
            self._keep(error)
            self._blame(~self.referee.done, "POLICY_ERROR", fault_text(error))
        return None

    def _keep(self, error: BaseException) -> None:
        """Keep the traceback of the first fault of a kind."""
        kind = type(error).__name__
        if kind not in self.tracebacks:
            try:
                self.tracebacks[kind] = "".join(traceback.format_exception(error))
            except Exception:  # its message cannot be read
                self.tracebacks[kind] = "".join(traceback.format_tb(error.__traceback__))

    def _blame(self, rows: Any, label: str, text: str) -> None:
        self.faults[rows & ~self.referee.done] = text
        self.referee.policy_fault(rows, label)


def fault_text(error: BaseException) -> str:
    """Return what a policy raised as one printable line, whatever its message holds."""
    try:
        text = str(error)
    except Exception:
        text = "its message cannot be read"
    return one_line(f"{type(error).__name__}: {text}")


def _answer(decision: object, n: int) -> tuple[np.ndarray, PlanRecord, dict[int, RowFault]]:
    """Return a decision's actions, the fitting part of its plan, its faults; runs the policy's code."""
    return actions_of(decision), fitting(getattr(decision, "plan", None), n), faults_of(decision)
