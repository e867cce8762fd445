"""The words that a reader of a report or of the leaderboard needs."""

TERMS = {
    "Mode": "One of the ways in which the task is meant to be solved, such as the left or the right bar.",
    "Macro": "The mean over tasks; every task weighs the same.",
    "Interval": "95 % confidence: exact (Clopper-Pearson) for one task, combined over tasks for the macro.",
    "Mixture coordinate α": "Where the hand acted on the line between the grasps: 0 is the first mode,"
    " 1 the second, 0.5 their average. With more than two: the distance from the nearest grasp, in units of"
    " the smallest distance between two.",
    "Dead zone": "The stretch of α in which every grasp is certified to fail.",
    "Seed panel": "The fixed list of seeds of a suite; every policy meets the same scenes.",
    "Track": "What a policy may see: state (poses) or privileged (the simulator itself).",
}
"""The words that a reader of a report or of the leaderboard needs."""


def short_name(task: str) -> str:
    """Return a task id as words without robot and version: `PandaLiftPot-v1` is `Lift Pot`."""
    stem = task.removeprefix("Panda").rsplit("-v", 1)[0]
    return "".join(f" {c}" if c.isupper() and i else c for i, c in enumerate(stem)) or task
