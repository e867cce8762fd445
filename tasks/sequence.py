"""What the tasks share that ask for several choices one after the other: their modes are paths in a tree."""

from typing import ClassVar

import numpy as np

from .core.modes import parts_in_order
from .core.task import Task


class SequenceTask(Task):
    """Base of the tasks whose modes are sequences of choices.

    `measure` gives as `part` what is chosen at a step, and `grasps` holds where the hand is at the first
    choice of each mode, so that modes that begin alike have equal rows.
    """

    sequences: ClassVar[tuple[tuple[int, ...], ...]]
    """The different parts that each mode takes, in order; of every mode equally many."""

    def first_choices(self) -> np.ndarray:
        """Return the first part of each mode, (k,)."""
        return np.array([sequence[0] for sequence in self.sequences])

    def realised_mode(self, parts: np.ndarray, taken: np.ndarray) -> np.ndarray:
        """Return the mode whose whole sequence each episode took, -1 for none, (N,)."""
        order = parts_in_order(parts, taken, len(self.sequences[0]))
        same = (order[:, None] == np.array(self.sequences)).all(-1)
        return np.where(same.any(1), same.argmax(1), -1).astype(np.int8)

    def may_succeed(self, mode: np.ndarray) -> np.ndarray:
        """Return where the whole sequence was seen, (N,) bool: a choice that nobody saw makes no mode."""
        return mode >= 0
