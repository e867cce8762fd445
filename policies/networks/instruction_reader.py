"""Reads an instruction: which mode it asks for, by a linear score of its words; nothing is downloaded."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ...envs.fixed_grid import settle
from ...envs.random_streams import digest

BUCKETS = 4096
"""Entries of the table; each kind of word falls into one of them."""
ROUNDED = 2.0**-9
"""To what scores are rounded, so that the last bits of a sum decide nothing."""


class InstructionReader(nn.Module):
    """A table with a score of every mode, and of any mode, for every word, pair of words and part of a word.

    The scores of a sentence are the sum of those of its n parts over the square root of n. The table starts
    at zero, so a part that no sentence for training has says nothing.
    """

    known: Tensor
    """Parts of the sentences to learn from, (S, BUCKETS)."""
    meant: Tensor
    """What each asks for: the number of a mode, k for any, (S,)."""
    weights: Tensor
    """How much a sentence for each mode, and for any, weighs, (k + 1,)."""

    def __init__(self, sentences: Sequence[tuple[str, ...]]) -> None:
        """Build the table; `sentences` to learn from, for each of k modes and at last for any mode."""
        super().__init__()
        meant = [mode for mode, said in enumerate(sentences) for _ in said]
        known = [
            np.bincount(one, minlength=BUCKETS) / np.sqrt(len(one))
            for one in map(buckets, sum(sentences, ()))
        ]
        self.register_buffer("known", torch.tensor(np.array(known, np.float32)), persistent=False)
        self.register_buffer("meant", torch.tensor(meant), persistent=False)
        weights = torch.tensor([1 / len(said) for said in sentences])
        self.register_buffer("weights", weights, persistent=False)
        self.table = nn.Parameter(torch.zeros(BUCKETS, len(sentences)))

    def loss(self) -> Tensor:
        """Return the cross entropy of all sentences, those of each mode weighing the same."""
        return cross_entropy(self.known @ self.table, self.meant, self.weights)

    def read(self, sentences: Sequence[str]) -> np.ndarray:
        """Return the number of the mode that each of N sentences asks for, -1 for any, (N,) int."""
        table = self.table.detach().numpy().astype(np.float64)
        meant = {one: _likeliest(table[list(buckets(one))]) for one in dict.fromkeys(sentences)}
        return np.array([-1 if meant[one] == table.shape[1] - 1 else meant[one] for one in sentences], int)


def _likeliest(scores: np.ndarray) -> int:
    """Return what the scores (n, k + 1) of the parts of a sentence say; the first of equals."""
    return int(settle(scores.sum(0) / np.sqrt(max(len(scores), 1)), ROUNDED).argmax())


@lru_cache(maxsize=4096)
def buckets(sentence: str) -> tuple[int, ...]:
    """Return the entry of the table of every part of a sentence, each part once."""
    found = (digest("part of an instruction", part)[:4] for part in dict.fromkeys(_parts(sentence)))
    return tuple(int.from_bytes(part, "little") % BUCKETS for part in found)


def _parts(sentence: str) -> Iterator[str]:
    """Yield the words of a sentence, the pairs of neighbours, and three letters in a row of each word."""
    words = re.findall(r"[a-z]+", sentence.lower())
    yield from words
    yield from (" ".join(pair) for pair in pairwise(["", *words, ""]))
    yield from (
        f"*{padded[i : i + 3]}" for padded in (f"_{word}_" for word in words) for i in range(len(padded) - 2)
    )
