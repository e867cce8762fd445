"""Success and every failure label are decided here, by a referee who watches measurements step by step.

An episode ends when something forbidden is touched, when success has lasted long enough, at a fault, or
after `max_episode_steps`. Its verdict depends on what was measured up to its own end, never on other
rows.
The first of these that applies is its outcome (`outcomes.py` says what each means):

    1. a fault: SIM_DIVERGED, POLICY_ERROR, POLICY_TIMEOUT, POLICY_INVALID_ACTION
    2. SUCCESS; OTHER_MODE where another mode was asked for
    3. a forbidden touch: COLLISION_MID between two modes, else COLLISION_OTHER
    4. DROP, then SLIP
    5. a gripper closed on nothing: AIR_GRASP_MID between two modes, else AIR_GRASP
    6. NO_ATTEMPT, and TIMEOUT for the rest
"""

from typing import NamedTuple

import numpy as np

from .modes import runs
from .outcomes import OTHER_MODE, SUCCESS
from .task import LIGHT_TOUCH, Measurement, Task

CLOSED = 0.003
"""A gripper that is closed on nothing is narrower than this [m]."""
LIFTED = 0.02
"""A target above this has left the table for good [m]."""


class Verdict(NamedTuple):
    """How N episodes ended; arrays (N,)."""

    steps: np.ndarray
    """Control steps until the episode's end."""
    label: np.ndarray
    """Name of the outcome, str; see `outcomes.OUTCOMES`."""
    mode: np.ndarray
    """Index of the realised mode, -1 when none was."""
    success: np.ndarray
    """Success that was held (the score), bool."""
    success_ever: np.ndarray
    """Whether the goal was reached at any step, bool."""
    success_final: np.ndarray
    """Whether the goal was reached at the last step, bool."""
    first_success: np.ndarray
    """First control step at which the goal was reached, -1 for never."""
    alpha: np.ndarray
    """Where the hand acted between the modes (`Task.mixture`), NaN when it never acted."""
    switches: np.ndarray
    """How often the hand went over from one mode's side to another's (`Task.side`)."""


class Referee:
    """Judges N episodes of one task."""

    def __init__(
        self, task: Task, n: int, max_episode_steps: int | None = None, asked: np.ndarray | None = None
    ) -> None:
        """Watch N episodes.

        Args:
            task: the task.
            n: number of episodes.
            max_episode_steps: their length [control steps]; None for the task's number.
            asked: the only mode of each that counts as success, (N,) int; None for every mode.
        """
        self.task = task
        self.asked = asked
        self.max_episode_steps = max_episode_steps or task.max_episode_steps
        self.done = np.zeros(n, bool)
        """Episodes that have ended, (N,)."""
        self.steps = np.zeros(n, np.int32)
        """Control steps that count, (N,)."""
        self._seen: list[Measurement] = []
        self._held = np.zeros(n, np.int32)
        self._faults = np.full(n, "", dtype="<U24")

    def see(self, measurement: Measurement, diverged: np.ndarray) -> None:
        """Take in the measurement after one control step."""
        self._seen.append(Measurement(*(np.array(column) for column in measurement)))
        self.steps += ~self.done
        self._fault(diverged, "SIM_DIVERGED")
        self._held = np.where(measurement.at_goal, self._held + 1, 0)
        self.done |= measurement.illegal > LIGHT_TOUCH
        self._end_successes()
        self.done |= len(self._seen) >= self.max_episode_steps

    def _end_successes(self) -> None:
        """End the episodes in which the goal has been held for long enough, in a mode that may succeed."""
        rows = np.flatnonzero((self._held >= self.task.hold_steps) & ~self.done)
        if len(rows):
            parts = np.stack([seen.part[rows] for seen in self._seen])
            mode = self._realised(parts, np.ones(parts.shape, bool))
            self.done[rows[self.task.may_succeed(mode)]] = True

    def _realised(self, parts: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """Return the mode that each episode shows by its parts at the steps that count, both (T, N), (N,)."""
        return self.task.realised_mode(parts, counts & (runs(parts) >= self.task.commit_steps))

    def policy_fault(self, rows: np.ndarray, label: str) -> None:
        """End the running episodes among `rows` (N,) bool with a policy's fault."""
        self._fault(rows, label)

    def _fault(self, rows: np.ndarray, label: str) -> None:
        hit = rows & ~self.done
        self._faults[hit] = label
        self.done |= hit

    def verdict(self) -> Verdict:
        """Judge every episode by what was seen up to its end."""
        n = len(self.done)
        # 1. what was measured, (T, N), and which of it lies before each episode's own end; a policy may fail
        #    before the first step, and then one that does not count stands for it
        nothing = Measurement(np.zeros((n, 4)), *np.zeros((len(Measurement._fields) - 1, n), bool))
        steps = self._seen or [nothing]
        seen = Measurement(*(np.stack(column) for column in zip(*steps, strict=True)))
        counts = np.arange(len(steps))[:, None] < self.steps
        # 2. success: the goal held up to the end in a mode that may succeed, nothing illegal, no fault
        up = seen.at_goal & counts
        illegal = (seen.illegal > LIGHT_TOUCH) & counts
        held = _last_run(up, self.steps) >= self.task.hold_steps
        mode = self._realised(seen.part, counts)
        success = held & self.task.may_succeed(mode) & ~illegal.any(0) & (self._faults == "")
        # 3. whether it is the mode that was asked for, where the hand acted, and why it failed
        other = success & (self.asked is not None) & (mode != self.asked)
        success &= ~other
        alpha = self._alpha(seen, illegal, counts)
        label = np.where(
            self._faults != "", self._faults, self._label(seen, counts, illegal, success, mode, alpha)
        )
        label = np.where(other, OTHER_MODE, label)
        last = np.maximum(self.steps - 1, 0)
        return Verdict(
            steps=self.steps.copy(),
            label=label,
            mode=mode,
            success=success,
            success_ever=np.asarray(up.any(0)),
            success_final=up[last, np.arange(n)],
            first_success=np.where(up.any(0), up.argmax(0), -1).astype(np.int32),
            alpha=alpha,
            switches=self._switches(seen, counts),
        )

    def _alpha(self, seen: Measurement, illegal: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """Mixture coordinate at the first step that shows it: a forbidden touch or the task's own sign."""
        decided = np.stack([self.task.decided(Measurement(*row)) for row in zip(*seen, strict=True)])
        event = (illegal | decided) & counts
        first = event.argmax(0)
        alpha = self.task.mixture(seen.hand[first, np.arange(counts.shape[1])])
        return np.where(event.any(0), alpha, np.nan)

    def _switches(self, seen: Measurement, counts: np.ndarray) -> np.ndarray:
        """Count changes of the hand's side; what lies between two sides is neither."""
        switches = np.zeros(counts.shape[1], np.int32)
        last = np.full(counts.shape[1], -1)
        for side, valid in zip(self.task.side(seen.hand), counts, strict=True):
            told = valid & (side >= 0)
            switches += told & (last >= 0) & (side != last)
            last = np.where(told, side, last)
        return switches

    def _label(
        self,
        seen: Measurement,
        counts: np.ndarray,
        illegal: np.ndarray,
        success: np.ndarray,
        mode: np.ndarray,
        alpha: np.ndarray,
    ) -> np.ndarray:
        middle = self.task.in_dead_zone(alpha)
        closed = ((seen.opening < CLOSED) & counts).any(0)
        lifted = ((seen.lift > LIFTED) & counts).any(0)
        collided = illegal.any(0)
        at_end = seen.lift[np.maximum(self.steps - 1, 0), np.arange(len(self.steps))]
        conditions = {
            SUCCESS: success,
            "COLLISION_MID": collided & middle,
            "COLLISION_OTHER": collided,
            "DROP": lifted & (at_end < LIFTED),
            "SLIP": closed & (mode >= 0) & (self.task.commit_steps > 1),
            "AIR_GRASP_MID": closed & middle,
            "AIR_GRASP": closed,
            "NO_ATTEMPT": np.isnan(alpha),
        }
        return np.select(list(conditions.values()), list(conditions), default="TIMEOUT")


def _last_run(up: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Length of the run of True (T, N) that ends at each column's last counted step, (N,)."""
    run = np.zeros(up.shape[1], np.int32)
    for step, row in enumerate(up):
        run = np.where(step < steps, np.where(row, run + 1, 0), run)
    return run
