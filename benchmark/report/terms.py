"""What the verdicts mean, in words and in five groups that share a colour and a mark on every page."""

from collections.abc import Iterable

from ...tasks.core.referee import LABELS, SUCCESS

GROUPS = {
    "success": "one grasp, held to the end",
    "average": "acted between the modes",
    "miss": "failed away from the middle",
    "idle": "never finished",
    "fault": "policy or simulation fault",
}
"""Groups of verdicts, in the order in which they are drawn, and what each says of an episode."""

MEANING = {
    "SUCCESS": "The target was lifted and held for half a second without touching anything forbidden.",
    "COLLISION_MID": "The robot hit what must not be touched with the hand between two modes: it averaged.",
    "COLLISION_OTHER": "The robot hit what must not be touched, away from the middle.",
    "AIR_GRASP_MID": "The gripper closed on nothing between two modes: it averaged.",
    "AIR_GRASP": "The gripper closed on nothing, away from the middle.",
    "SLIP": "A mode was grasped, and the target slipped out before it left the table.",
    "DROP": "The target was lifted and then lost.",
    "NO_ATTEMPT": "The hand never acted.",
    "TIMEOUT": "Something was grasped, but success was not held before the horizon.",
    "POLICY_ERROR": "The policy raised an error.",
    "POLICY_TIMEOUT": "A decision took longer than its deadline.",
    "POLICY_INVALID_ACTION": "The policy returned an action of the wrong shape, not finite or out of range.",
    "SIM_DIVERGED": "The simulation became unstable; it counts as a failure.",
}
"""One sentence for each of the referee's labels."""

TERMS = {
    "Mode": "One of the ways in which the task is meant to be solved, such as the left or the right bar.",
    "Success": "The share of all episodes that end well; faults and timeouts count as failures.",
    "Macro": "The mean over tasks; every task weighs the same.",
    "Interval": "95 % confidence: Wilson's for one task, combined over tasks for the macro.",
    "Averaging failure": "The hand acted between two modes, where every attempt is certified to fail.",
    "Rarer mode": "Its share of the successes (minority share); 50 % is an even choice of two,"
    " 0 % means that one mode was forgotten.",
    "Mixture coordinate α": "Where the hand acted on the line between the grasps: 0 is the first mode,"
    " 1 the second, 0.5 their average. With more than two: the distance from the nearest grasp, in units of"
    " the smallest distance between two.",
    "Dead zone": "The stretch of α in which every grasp is certified to fail.",
    "Seed panel": "The fixed list of seeds of a suite; every policy meets the same scenes.",
    "Track": "What a policy may see: state (poses), vision (cameras) or privileged (the simulator itself).",
}
"""The words that a reader of a report or of the leaderboard needs."""


def group(label: str) -> str:
    """Return the group of a label: success, average, miss, idle or fault."""
    if label == SUCCESS:
        return "success"
    if label.endswith("_MID"):
        return "average"
    if label in ("NO_ATTEMPT", "TIMEOUT"):
        return "idle"
    return "fault" if label.startswith(("POLICY_", "SIM_")) else "miss"


def count_labels(labels: Iterable[str]) -> dict[str, int]:
    """Count the labels that occur, success first, then in the order of the groups."""
    found = list(labels)
    order = sorted(LABELS, key=lambda label: list(GROUPS).index(group(label)))
    return {label: found.count(label) for label in order if label in found}


def short_name(task: str) -> str:
    """Return a task id as words without robot and version: `PandaLiftPot-v1` is `Lift Pot`."""
    stem = task.removeprefix("Panda").rsplit("-v", 1)[0]
    return "".join(f" {c}" if c.isupper() and i else c for i, c in enumerate(stem)) or task
