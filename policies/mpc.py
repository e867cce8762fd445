"""Planners that know the simulator: sampling-based model-predictive control, with three update rules.

Every few control steps each episode tries candidate splines of hand poses in a copy of its own physics,
scores them (trajectory_optimisation/cost.py) and follows the plan that the update rule makes of them
(trajectory_optimisation/updates.py). They read the simulator, so they are scored beside the experts, never
against learned policies.

What they can do is grasp at `task.grasps` with the first arm and move what they hold as far as success asks.
Setting down, reaching around something, and a second arm that helps are beyond them.
"""

from typing import ClassVar, NamedTuple

import numpy as np

from ..envs.random_streams import stream
from ..envs.specs import OPENING_HIGH, OPENING_LOW
from ..tasks.core import episode_step
from ..tasks.core.task import LIGHT_TOUCH, Task
from .core.policy import Decision, Episodes, Needs, PlanRecord, Policy
from .trajectory_optimisation.cost import staged_cost, touches
from .trajectory_optimisation.proposals import proposals
from .trajectory_optimisation.simulator_model import TARGET, PlanModel
from .trajectory_optimisation.updates import (
    cross_entropy,
    path_integral,
    predictive_sampling,
    samples,
    shifted,
    spline,
)

N_ACTION_STEPS = 4
"""Control steps between plans."""
KNOTS = 8
"""Knots of a plan, which spans 0.8 s."""
KNOT_STEPS = 2
"""Control steps between knots."""
CANDIDATES = 32
"""Plans tried in each episode."""
SIGMA = np.array([0.010, 0.010, 0.010, 0.10, 0.010])
"""Deviation of the noise on x, y, z [m], yaw [rad] and opening [m] of a knot."""
WIDE_SHARE = 0.2
"""Share of the noisy candidates with wide noise (MJPC's bimanual tasks)."""
WIDE_FACTOR = 4.0
"""How much wider that noise is."""
ELITES = 4
"""Candidates that the cross-entropy method keeps."""
TEMPERATURE = 0.1
"""Lambda of MPPI, in units of the cost."""
MAX_LAG = 0.03
"""A plan goes on from the last target, unless the hand is farther from it than this [m]."""


class Update(NamedTuple):
    """What an update rule makes of scored candidates."""

    knots: np.ndarray
    """The plan, (K, D)."""
    deviation: np.ndarray
    """Of the next noise, broadcast to (K, D)."""
    chosen: int = -1
    """The candidate that the plan is, -1 for a blend."""


class PredictiveSampling(Policy):
    """Follows the best candidate: commits to one mode."""

    name = "mpc"
    description = "Model-predictive control, the best sampled plan counts. Reads the simulator."
    mismatch: ClassVar[float] = 0.0
    """Largest share by which mass and friction of the planner's objects are wrong."""

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self._sigma = np.tile(SIGMA, task.arms)
        self._knot_at = KNOT_STEPS * np.arange(1, KNOTS + 1)

    def needs(self) -> Needs:
        """Return that it reads the simulator."""
        return Needs(n_action_steps=N_ACTION_STEPS, privileged=True)

    def update(self, knots: np.ndarray, costs: np.ndarray) -> Update:
        """Return the plan for scored candidates (C, K, D) and (C,)."""
        best, index = predictive_sampling(knots, costs)
        return Update(best, self._sigma, index)

    def reset(self, episodes: Episodes) -> None:
        """Copy the episodes' physics; plan to stay."""
        if episodes.simulation is None:
            raise ValueError("a model-predictive planner needs the simulation")
        self._keys = episodes.noise_keys
        self._decision = 0
        self._model = PlanModel(self.task, episodes.simulation, CANDIDATES)
        self._check = PlanModel(self.task, episodes.simulation, 1)
        for row, key in enumerate(self._keys if self.mismatch else ()):
            wrong = 1 + self.mismatch * stream("plan model", int(key)).uniform(-1, 1, 2)
            for model in (self._model, self._check):
                model.set_model_error(row, *wrong)
        hands = [self._model.hands(row).ravel() for row in range(len(self._keys))]
        self._last = np.array(hands)
        self._plan = np.repeat(self._last[:, None], KNOTS, axis=1)
        self._deviation = np.broadcast_to(self._sigma, self._plan.shape).copy()
        self._seen_last = np.full_like(episodes.simulation.qpos, np.nan)

    def act(self, observation: dict[str, np.ndarray]) -> Decision:
        """Plan each episode on its own; those that are over keep still."""
        over = self._ended()
        decided = [self._hold(row) if over[row] else self._decide(row) for row in range(len(self._keys))]
        self._decision += 1
        actions, records = zip(*decided, strict=True)
        columns = (np.stack(column) for column in zip(*records, strict=True))
        return Decision(np.stack(actions), PlanRecord(*columns))

    def _ended(self) -> np.ndarray:
        """Return the episodes that have ended for certain, (N,) bool: planning them would be wasted."""
        live = self._model.live
        now = episode_step.measure(self.task, live)
        still = live.qpos == self._seen_last
        self._seen_last = live.qpos.copy()
        return live.diverged | (now.illegal > LIGHT_TOUCH) | (now.at_goal & still.all(-1))

    def _hold(self, row: int) -> tuple[np.ndarray, PlanRecord]:
        """Return one episode's last target for ever after, and an empty record."""
        knots = np.repeat(self._last[row][None], KNOTS, axis=0)
        targets = spline(knots[0], knots, KNOT_STEPS)
        seen = np.full(knots.shape[1] + self.task.grasps.size, np.nan)
        candidates = np.full((CANDIDATES, *knots.shape), np.nan)
        costs = np.full(CANDIDATES, np.nan)
        modes = np.full(CANDIDATES, -1, np.int8)
        record = PlanRecord(seen, candidates, costs, modes, np.array(-1), np.array("over"))
        return self._model.actions(targets, row), record

    def _decide(self, row: int) -> tuple[np.ndarray, PlanRecord]:
        """Return one episode's actions (H, 10 arms) and how it came to them, without the axis of episodes."""
        # 1. candidates from where the targets go on, tried in the model
        start = self._start(row)
        grasps = self._model.grasps(row)
        knots = self._candidates(row, start, grasps)
        predicted = self._model.roll_out(row, spline(start, knots, KNOT_STEPS))
        costs, modes = staged_cost(predicted, self.task.success_height)
        # 2. the update rule makes one plan of them
        plan = self.update(knots, costs)
        targets = spline(start, plan.knots, KNOT_STEPS)
        if plan.chosen < 0:  # a blend has not been tried yet
            bad = touches(self._check.roll_out(row, targets[None]).seen)[0]
        else:
            bad = touches(predicted.seen)[plan.chosen]
        # 3. what the next decision goes on from, and the record
        self._plan[row] = shifted(plan.knots, N_ACTION_STEPS // KNOT_STEPS)
        self._deviation[row] = plan.deviation
        self._last[row] = targets[N_ACTION_STEPS - 1]
        verdict = np.array("rejected: forbidden contact" if bad else "pass")
        seen = np.concatenate([start, grasps.ravel()])  # what the record says it planned from
        record = PlanRecord(seen, knots, costs, modes, np.array(plan.chosen), verdict)
        return self._model.actions(targets, row), record

    def _start(self, row: int) -> np.ndarray:
        """Return where an episode's targets go on: the last ones, or where the hand is if it fell behind."""
        hands = self._model.hands(row).ravel()
        far = np.abs(hands - self._last[row]).reshape(-1, TARGET)[:, :3].max() > MAX_LAG
        return np.where(far, hands, self._last[row])

    def _candidates(self, row: int, start: np.ndarray, grasps: np.ndarray) -> np.ndarray:
        """Return the nominal plan, proposals for the first arm, and noise around the nominal, (C, K, D)."""
        nominal = self._plan[row]
        proposed = proposals(start[:TARGET], grasps, self._knot_at)
        stay = np.broadcast_to(start[TARGET:], (*proposed.shape[:2], len(start) - TARGET))
        fixed = np.concatenate([nominal[None], np.concatenate([proposed, stay], axis=-1)])[:CANDIDATES]
        rng = stream("plan", int(self._keys[row]), self._decision)
        noisy = samples(rng, nominal, self._deviation[row], CANDIDATES - len(fixed), WIDE_SHARE, WIDE_FACTOR)
        candidates = np.concatenate([fixed, noisy])
        opening = candidates[..., TARGET - 1 :: TARGET]  # a view
        np.clip(opening, OPENING_LOW, OPENING_HIGH, out=opening)
        return candidates


class CrossEntropy(PredictiveSampling):
    """Follows the mean of the best candidates: may average two modes."""

    name = "mpc_cem"
    description = "Model-predictive control by the cross-entropy method. Reads the simulator."

    def update(self, knots: np.ndarray, costs: np.ndarray) -> Update:
        """Return the mean of the elites; the next noise is as wide as they are."""
        return Update(*cross_entropy(knots, costs, ELITES, self._sigma / 4))


class PathIntegral(PredictiveSampling):
    """Follows the weighted mean of all candidates: may average two modes."""

    name = "mpc_mppi"
    description = "Model-predictive path integral control (MPPI). Reads the simulator."

    def update(self, knots: np.ndarray, costs: np.ndarray) -> Update:
        """Return the average weighted by exp(-cost / temperature)."""
        return Update(path_integral(knots, costs, TEMPERATURE), self._sigma)


class Mismatched(PredictiveSampling):
    """Predictive sampling whose model is wrong."""

    name = "mpc_mismatched"
    description = "Model-predictive control with wrong mass and friction (up to 20 %). Reads the simulator."
    mismatch = 0.2
