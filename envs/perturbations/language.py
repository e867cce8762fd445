"""The instruction says the same in other words; reaches policies that read it, and no others."""

import re

import numpy as np

from ..images import Wording
from ..scene_generation.episode_context import EpisodeContext
from ..task_protocol import TaskProtocol
from .core.perturbation import Perturbation

BEFORE = ("Okay, ", "Well, ", "Now please ", "Hey robot, ", "Um, ")
"""What a person says before what is meant."""
AFTER = (" Thanks.", " Take your time.", " That would be great.", " If you can.", " Please.")
"""What a person says after it."""
SLIPS = 2
"""Words with a slip of the keyboard."""


class Paraphrase(Perturbation):
    """The instruction is worded in another way, drawn for each episode.

    Level 1: one of the sentences that policies may learn from, but the first. Level 2: one of those that are
    kept for scoring. Level 3: one of these with some words before or after it, and in two of its words of
    four letters or more two neighbouring letters after the first are swapped; it is all in lower case.
    """

    name = "language.paraphrase"
    unit = "(1 seen, 2 unseen, 3 unseen with slips)"
    levels = (0, 1, 2, 3)
    levels_alone = True

    def perturb_instruction(self, said: str, wording: Wording, episode: EpisodeContext) -> str:
        if not self.level:
            return said
        sentences = wording.seen[1:] if self.level == 1 else wording.unseen
        chosen = sentences[int(episode.rng.integers(len(sentences)))]
        return chosen if self.level < 3 else _as_typed(chosen, episode.rng)

    def impossible(self, task: TaskProtocol) -> str:
        if self.level and not task.wording().unseen:
            return "the task has no instructions"
        return ""


def _as_typed(sentence: str, rng: np.random.Generator) -> str:
    """Return a sentence as somebody in a hurry types it."""
    before = rng.integers(2) == 0
    added = (BEFORE if before else AFTER)[int(rng.integers(len(BEFORE)))].lower()
    words = sentence.lower().split(" ")
    long = [place for place, word in enumerate(words) if re.search(r"[a-z]{4}", word)]
    for place in rng.permutation(long)[:SLIPS]:
        words[place] = _slip(words[place], rng)
    typed = " ".join(words)
    return added + typed if before else typed + added


def _slip(word: str, rng: np.random.Generator) -> str:
    """Return a word with two neighbouring letters swapped that differ, neither of them the first."""
    pairs = [i for i in range(1, len(word) - 1) if word[i : i + 2].isalpha() and word[i] != word[i + 1]]
    if not pairs:
        return word
    at = pairs[int(rng.integers(len(pairs)))]
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
