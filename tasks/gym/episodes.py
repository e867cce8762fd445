"""Rows of episodes that begin and end on their own: what both Gymnasium environments are made of.

Actions are checked and put on the evaluator's grid, so a row replays the evaluator's episode of the same seed
and variant bit for bit.
"""

from typing import Any, NamedTuple

import mujoco
import numpy as np

from ...envs.errors import WrongUse
from ...envs.perturbations.core.variant import CLEAN, Variant
from ...envs.robot.action_check import ActionCheck
from ...envs.seed_ranges import UNNAMED
from ...envs.simulation import Simulation
from ...envs.specs import from_grid, to_grid
from ..core import episode_step
from ..core.outcomes import OUTCOMES
from ..core.referee import Referee
from ..core.task import Measurement, Task
from .dense_reward import checked_reward, dense, progress
from .extras import Extras

Observation = dict[str, np.ndarray]
NOT_BEGUN = "no episode has begun: call reset() before step()"


class _Group(NamedTuple):
    """Rows that began together and share a referee."""

    rows: np.ndarray
    referee: Referee
    running: np.ndarray
    """Which of the rows are still in the episode that this referee judges."""


class Episodes:
    """N rows of one batch simulation; each begins and ends episodes on its own.

    A variant remembers what happened since its episode began, so it is for a single row.
    """

    def __init__(
        self,
        task: Task,
        n: int,
        action: str,
        threads: int,
        variant: str = CLEAN,
        first: int = 0,
        reward: str = "sparse",
        clip: bool = False,
        extras: Extras | None = None,
    ) -> None:
        """Make `n` rows that take actions of the space `action`; errors count rows from `first` on.

        With `clip`, actions out of range are clipped and counted, and one that is none (not finite, no
        rotation) ends its episode as the policy's fault, as in the evaluator; without, both are refused.
        """
        self.task = task
        self._dense = checked_reward(reward) == "dense"
        self._steps = np.zeros(n, np.int32)
        self.n = n
        self.action = action
        self.first = first
        self.variant = Variant(variant)
        self._extras = extras or Extras(task)
        self.simulation = Simulation(task, n, threads, self.variant)
        self.max_episode_steps = self.variant.episode_steps(task.max_episode_steps)
        self._step = 0
        self._seen: Observation | None = None
        self.ended = np.ones(n, bool)
        self.terminated = np.zeros(n, bool)
        self.truncated = np.zeros(n, bool)
        self.begun = False
        self._clip = clip
        self._clipped = np.zeros(n, np.int32)
        self._check = ActionCheck(action, task.arms)
        self._grid = np.zeros((n, len(self._check.low)), np.int32)
        self._groups: list[_Group] = []

    def begin(self, rows: np.ndarray, seeds: list[int]) -> None:
        """Begin episodes `seeds` in `rows` (k,); the other rows go on."""
        simulation = self.simulation
        if len(rows) == self.n:
            simulation.reset(seeds)
        else:
            # begin them beside the others, and put their states into the batch
            fresh = Simulation(self.task, len(rows))
            fresh.reset(seeds)
            states = simulation.state()
            states[rows] = fresh.state()
            simulation.batch.reset(rows, stage=mujoco.mjtStage.mjSTAGE_NONE.value)  # clears their warnings
            simulation.restore(states)
            simulation.frame[rows] = fresh.frame
            simulation.seeds[rows] = fresh.seeds
        # the referees of the episodes that were cut off lose these rows
        for group in self._groups:
            group.running[np.isin(group.rows, rows)] = False
        self._groups = [group for group in self._groups if group.running.any()]
        referee = Referee(self.task, len(rows), self.max_episode_steps)
        self._groups.append(_Group(rows, referee, np.ones(len(rows), bool)))
        self.ended[rows] = self.terminated[rows] = self.truncated[rows] = False
        self._clipped[rows] = 0
        self._steps[rows] = 0
        self.begun = True
        self._step = 0
        self._seen = None

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, list[dict[str, Any]]]:
        """Advance one control step; return rewards (N,) and infos, {} for rows that had ended."""
        if not self.begun:
            raise WrongUse(NOT_BEGUN)
        # 1. check what was asked for; rows that have ended repeat their last action
        live = ~self.ended
        if self._clip:
            actions = self._clipped_actions(np.asarray(actions, np.float64), live)
        self._grid[live] = self.checked(actions, live)[live]
        # 2. command, perturb, step, measure
        commands = episode_step.command(self.simulation, self._grid, self.action, self._step)
        episode_step.advance(self.simulation, from_grid(commands), self._step, self.action)
        self._step += 1
        self._seen = None
        seen = episode_step.measure(self.task, self.simulation)
        # 3. judge: every group of rows that began together has a referee
        diverged = self.simulation.diverged
        rewards = np.zeros(self.n)
        infos = [_measured(seen, row) if live[row] else {} for row in range(self.n)]
        if self._clip:
            for row in np.flatnonzero(live):
                infos[row]["clipped"] = int(self._clipped[row])
        for group in self._groups:
            theirs = Measurement(*(column[group.rows] for column in seen))
            group.referee.see(theirs, diverged[group.rows])
            self._judge(group, rewards, infos)
        self._groups = [group for group in self._groups if group.running.any()]
        if self._dense:
            phi = progress(self.task, seen.hand, seen.in_hand, seen.lift)
            found = dense(phi, self._steps, self.max_episode_steps, rewards > 0, self.terminated)
            rewards = np.where(live, found, 0.0)
        self._steps += live
        return rewards, infos

    def _judge(self, group: _Group, rewards: np.ndarray, infos: list[dict[str, Any]]) -> None:
        """Record how the episodes of a group that have just ended went."""
        over = np.flatnonzero(group.referee.done & group.running)
        if not len(over):
            return
        verdict = group.referee.verdict()
        for index in over:
            row = group.rows[index]
            outcome = OUTCOMES[verdict.label[index]]
            self.terminated[row] = outcome.terminates
            self.truncated[row] = not outcome.terminates
            rewards[row] = float(outcome.success)
            infos[row] |= {
                "is_success": outcome.success,
                "label": outcome.name,
                "mode": int(verdict.mode[index]),
                "alpha": float(verdict.alpha[index]),
                "steps": int(verdict.steps[index]),
            }
        self.ended[group.rows[over]] = True
        group.running[over] = False

    def _clipped_actions(self, actions: np.ndarray, live: np.ndarray) -> np.ndarray:
        """Return actions (N, A) within their range; rows whose action is none keep still, and are blamed."""
        if actions.shape != self._grid.shape:
            return actions  # what is wrong with all of them is refused
        within = np.clip(actions, self._check.low, self._check.high)
        sound = np.isfinite(actions).all(-1) & self._check.sound(within)
        self._clipped += live & sound & ~self._check.inside(actions)
        for group in self._groups:
            group.referee.policy_fault(~sound[group.rows] & group.running, "POLICY_INVALID_ACTION")
        return np.where(sound[:, None], within, self.simulation.stay(self.action))

    def checked(self, actions: np.ndarray, live: np.ndarray) -> np.ndarray:
        """Return actions (N, A) as whole multiples of `GRID`; refuse what the evaluator would refuse."""
        actions = np.asarray(actions, np.float64)
        if actions.shape != self._grid.shape:
            shape = self._grid.shape[1:]
            raise WrongUse(f"an action of {self.action} has shape {shape}, got {actions.shape[1:]}")
        wrong = np.flatnonzero(~self._check.sound(actions) & live)
        if len(wrong):
            raise WrongUse(f"action of row {self.first + wrong[0]}: {self._check.fault(actions[wrong[:1]])}")
        return to_grid(np.where(live[:, None], actions, 0.0))

    def observe(self) -> Observation:
        """Return every component within its declared range, each (N, d)."""
        if self._seen is None:  # what a variant remembers is asked for once a step
            step = min(self._step, self.task.max_episode_steps - 1)
            drawn = self._extras.pictures(self.simulation)
            if self.begun:
                seen = episode_step.observe(self.simulation, step, drawn)
            else:
                seen = self.simulation.observe() | drawn
            self._seen = {s.name: np.clip(seen[s.name], s.low, s.high) for s in self.task.observation}
            self._seen |= self._extras.of(seen, self.simulation)
        return dict(self._seen)

    def close(self) -> None:
        """Give the graphics memory back."""
        self._extras.close()

    @property
    def simulations(self) -> tuple[Simulation, ...]:
        """The simulations of the rows, in their order."""
        return (self.simulation,)


def _measured(seen: Measurement, row: int) -> dict[str, Any]:
    """Return what is told of every step."""
    return {
        "is_success": False,
        "lift": float(seen.lift[row]),
        "held": bool(seen.in_hand[row]),
        "illegal_force": float(seen.illegal[row]),
        "table_force": float(seen.table[row]),
    }


def draw_seed(random: np.random.Generator) -> int:
    """Draw the seed of an episode."""
    return int(random.integers(UNNAMED.start, UNNAMED.stop))
