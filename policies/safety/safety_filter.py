"""A safety filter around any policy: its actions pass, are repaired or are rejected; all is recorded.

The rules, in every decision of every episode:
    finite      a chunk with a number that is not finite is rejected: the hands stay
    force       one that presses on the table, or on what must not be touched, is rejected: the hands retreat
    workspace   targets of a hand stay in a box before the arm, above the table
    speed       a target moves so far in a control step, and no farther
    turn        and turns so far
    joints      targets of joints stay within the joints' limits
Forces are read from the simulator, so that rule guards privileged policies only. The others need no more than
what is observed.
"""

import numpy as np

from ...envs.robot import inverse_kinematics as control
from ...envs.robot import panda as robot
from ...envs.specs import ACTIONS, POSITION, PREFIXES, ROTATION, size
from ...tasks.core import episode_step
from ..core.answers import actions_of
from ..core.policy import Decision, Episodes, Needs, PlanRecord, Policy, plain_needs
from ..core.wrapper import Wrapper
from .limits import Limited, Limits, limit_joints, limit_poses, limit_steps

SEEN = ("tcp_position", "tcp_rotation")
"""What the filter must see of every arm."""
DEFAULT = Limits()


class SafetyFilter(Wrapper):
    """Lets another policy act within limits."""

    wrapper = "safe"

    def __init__(self, policy: Policy, limits: Limits = DEFAULT) -> None:
        """Filter `policy`, which is built for its task already."""
        super().__init__(policy, "Behind a safety filter.")
        self.limits = limits
        self._inner = plain_needs(policy.needs())
        self._width = size(ACTIONS[self._inner.action])
        panda = robot.panda()
        low, high = np.array([panda.joint(name).range for name in robot.ARM_JOINTS]).T
        self._ranges = low, high
        self._simulation = None
        self._last: np.ndarray | None = None

    def needs(self) -> Needs:
        """Return what the policy needs, and to see the hands."""
        names = self._inner.observations
        hands = [prefix + name for prefix in PREFIXES[: self.task.arms] for name in SEEN]
        more = tuple(name for name in hands if name not in names) if names else ()
        return self._inner._replace(observations=names + more)

    def reset(self, episodes: Episodes) -> None:
        """Begin N new episodes."""
        super().reset(episodes)
        self._simulation = episodes.simulation
        self._last = None

    def act(self, observation: dict[str, np.ndarray]) -> Decision:
        """Return the policy's chunk within the limits, and the verdict of every row in its plan."""
        names = self._inner.observations or tuple(observation)
        decision = self.policy.act({name: observation[name].copy() for name in names})
        wanted = actions_of(decision)
        # 1. what is rejected: numbers that are none, and pressing
        finite = np.isfinite(wanted).all(axis=(1, 2))
        pressed = self._pressed(len(wanted))
        stay = self._stay(observation, wanted)
        chunk = np.where(np.reshape(finite, (-1, 1, 1)), wanted, stay)
        # 2. what is repaired: everything beyond a limit
        chunk, rules = self._limited(chunk, observation)
        chunk = np.where(pressed[:, None, None], self._retreat(stay), chunk)
        self._last = chunk[:, self._inner.n_action_steps - 1].copy()
        broken = {"rejected: finite": ~finite, "rejected: force": pressed}
        plan = _recorded(getattr(decision, "plan", None), _verdicts(broken, rules))
        return Decision(chunk, plan, getattr(decision, "faults", None))

    def _pressed(self, n: int) -> np.ndarray:
        """Return the rows that press too hard on what they should not, (N,) bool."""
        live = self._simulation
        if live is None:
            return np.zeros(n, bool)
        now = episode_step.measure(self.task, live)
        return np.maximum(now.table, now.illegal) > self.limits.force

    def _limited(self, chunk: np.ndarray, observation: dict[str, np.ndarray]) -> Limited:
        """Return the chunk (N, H, A) of all arms within the limits."""
        parts = []
        rules = {}
        for arm in range(self.task.arms):
            mine = np.s_[..., arm * self._width : (arm + 1) * self._width]
            part = chunk[mine]
            last = None if self._last is None else self._last[mine]
            position, rotation = self._hand(observation, arm)
            if self._inner.action == "joint_absolute":
                found = limit_joints(part, None if last is None else last[:, :7], self._ranges, self.limits)
            elif self._inner.action == "ee_delta":
                found = limit_steps(part, position, arm, self.limits)
            else:
                if last is not None:
                    position = last[:, POSITION]
                    rotation = control.rotation_from_columns(last[:, ROTATION])
                found = limit_poses(part, position, rotation, arm, self.limits)
            parts.append(found[0])
            for rule, rows in found[1].items():
                rules[rule] = rules.get(rule, False) | rows
        return np.concatenate(parts, axis=-1), rules

    def _hand(self, observation: dict[str, np.ndarray], arm: int) -> tuple[np.ndarray, np.ndarray]:
        """Return TCP position (N, 3) [m] and rotation (N, 3, 3) of an arm as observed last."""
        seen = (np.asarray(observation[PREFIXES[arm] + name], float) for name in SEEN)
        past = self._inner.n_obs_steps > 1
        position, columns = (values[:, -1] if past else values for values in seen)
        return position, control.rotation_from_columns(columns)

    def _stay(self, observation: dict[str, np.ndarray], wanted: np.ndarray) -> np.ndarray:
        """Return actions (N, H, A) that keep the hands where they are, and the grippers as last commanded."""
        stay = np.nan_to_num(wanted[:, 0]) if self._last is None else self._last.copy()
        for arm, part in enumerate(np.split(stay, self.task.arms, axis=-1)):  # views
            if self._inner.action == "ee_absolute":
                position, rotation = self._hand(observation, arm)
                part[:, :9] = np.concatenate([position, control.columns_from_rotation(rotation)], -1)
            elif self._inner.action == "ee_delta":
                part[:, :6] = 0.0
            elif self._last is None:
                part[:, :7] = robot.HOME
        return np.repeat(stay[:, None], wanted.shape[1], axis=1)

    def _retreat(self, stay: np.ndarray) -> np.ndarray:
        """Return actions (N, H, A) that lift the hands; commanded joints only stay."""
        up = stay.copy()
        rise = self.limits.retreat * np.arange(1, stay.shape[1] + 1)
        for part in np.split(up, self.task.arms, axis=-1):  # views
            if self._inner.action == "ee_absolute":
                part[..., 2] += rise
            elif self._inner.action == "ee_delta":
                part[..., 2] = self.limits.retreat / control.DELTA_TRANSLATION
        return up


def _verdicts(rejected: dict[str, np.ndarray], repaired: dict[str, np.ndarray]) -> np.ndarray:
    """Return `pass`, `repaired: <rules>` or `rejected: <rule>` for each row, (N,) str."""
    found = []
    for row in range(len(next(iter(rejected.values())))):
        worst = [verdict for verdict, rows in rejected.items() if rows[row]]
        rules = [rule for rule, rows in repaired.items() if rows[row]]
        found.append(worst[-1] if worst else "repaired: " + " ".join(rules) if rules else "pass")
    return np.array(found)


def _recorded(plan: object, verdict: np.ndarray) -> PlanRecord:
    """Return the policy's own record with the filter's verdict, behind its own one unless that is `pass`."""
    record = plan if isinstance(plan, PlanRecord) else PlanRecord()
    if record.verdict is None:
        return record._replace(verdict=verdict)
    both = [
        own if new == "pass" else new if own == "pass" else f"{own}; {new}"
        for own, new in zip(record.verdict, verdict, strict=True)
    ]
    return record._replace(verdict=np.array(both))
