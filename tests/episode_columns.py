"""Columns of episodes, written by hand."""

import numpy as np
from bimodal.benchmark.scoring.run_episodes import EpisodeColumns


def columns(labels, modes, seeds=None, steps=10):
    """Return episodes of ten steps each; `modes` are numbers, -1 for none."""
    n = len(labels)
    seeds = np.arange(n) if seeds is None else np.array(seeds)
    digests = np.array([f"{label} {mode}" for label, mode in zip(labels, modes, strict=True)], object)
    return EpisodeColumns(seeds, np.array(labels, object), np.array(modes, int), np.full(n, steps), digests)
