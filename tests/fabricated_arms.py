"""Fabricated sides of a comparison: known episodes in, so that every number that comes out is known too."""

import numpy as np
from bimodal.benchmark.comparison.arm import VERSIONS, Arm
from bimodal.benchmark.scoring.run_episodes import EpisodeColumns
from bimodal.benchmark.suites import SUITES

SMOKE = SUITES["smoke"]
DUMBBELL, POST = SMOKE.tasks
SHIFTED = SMOKE.variants[1]
N = len(SMOKE.seeds)
CREATED = "2026-11-01T00:00:00+00:00"


def columns(hits, modes=None, steps=60, seeds=None):
    """Return episodes that succeed or not (N,); failures are averaged and have no mode."""
    hits = np.asarray(hits, bool)
    modes = np.zeros(len(hits), int) if modes is None else np.asarray(modes)
    return EpisodeColumns(
        seeds=np.arange(len(hits)) if seeds is None else np.asarray(seeds),
        labels=np.where(hits, "SUCCESS", "COLLISION_MID").astype(object),
        modes=np.where(hits, modes, -1),
        steps=np.full(len(hits), steps),
        digests=np.array([f"{i:032x}" for i in range(len(hits))], object),
    )


def arm(name="flow", clean=None, shifted=None, training_seeds=(0,), suite=None, **changes):
    """Return a side on `smoke`; every task ends as `clean` does, in every variant as `shifted` does."""
    clean = columns(np.ones(N)) if clean is None else clean
    shifted = clean if shifted is None else shifted
    cells = {cell: clean if cell[1] == "clean" else shifted for cell in SMOKE.cells()}
    record = (suite or SMOKE).record()
    seeds = frozenset(training_seeds)
    return Arm(name, f"runs/{name}", record, dict.fromkeys(VERSIONS, "1"), CREATED, seeds, cells)._replace(
        **changes
    )
