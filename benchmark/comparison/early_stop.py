"""A comparison that ends a run: what the run is held against, and what came out.

Called by `bimodal evaluate --until-decided --against`.
"""

from collections.abc import Iterator
from importlib.metadata import version

import numpy as np

from ...envs.errors import NotComparable
from ...envs.perturbations.core.variant import CLEAN
from ..evaluation.early_stop import Baseline
from ..provenance import versions
from ..records.run_record import EarlyStop
from ..scoring.panel_limits import repeats_scenes
from ..statistics.sequential import is_decided
from ..suites import Suite, suite_from_record
from .arm import VERSIONS, Arm
from .compare import Verdict
from .sentences import subject


def baseline_of(arm: Arm, panel: Suite) -> Baseline:
    """Return the outcomes of an arm on a panel that is about to be played.

    Raises:
        NotComparable: the arm has not these episodes, or not of this installation's simulation.
    """
    if found := next(_differences(arm, panel), None):
        raise NotComparable(f"{arm.source} and the run to come do not compare: {found}")
    hits = {}
    for task in panel.tasks:
        cell = arm.cells[task, CLEAN]
        rows = np.isin(cell.seeds, list(panel.seeds))
        hits[task] = dict(zip(cell.seeds[rows].tolist(), cell.succeeded[rows].tolist(), strict=True))
    return Baseline(subject(arm), hits)


def _differences(arm: Arm, panel: Suite) -> Iterator[str]:
    """Yield why an arm is no baseline of a panel."""
    if arm.run and arm.run.record.early_stop:
        yield "it ended when it was decided itself, so its successes depend on where it ended"
    if any(map(repeats_scenes, arm.cells.values())):
        yield "it plays scenes several times, and its pairs are not independent"
    here = versions() | {"bimodal": version("bimodal-bench")}
    for name in VERSIONS:
        if arm.versions.get(name, "unknown") != here[name]:
            yield f"{name} {arm.versions.get(name, 'unknown')} and {here[name]}"
    if arm.suite.version != panel.version:
        yield f"version {arm.suite.version} of its suite and {panel.version}"
    for task in panel.tasks:
        if (task, CLEAN) not in arm.cells:
            yield f"it has no clean episodes of {task}"
        elif missing := sorted(set(panel.seeds) - set(arm.cells[task, CLEAN].seeds.tolist())):
            yield f"it has no seed {missing[0]} of {task}; choose others with --seeds"
    if suite_from_record(arm.suite).hash() != arm.suite.hash:
        yield "a task, a perturbation or a constant changed since it was made"


def verdict_of(stop: EarlyStop) -> Verdict:
    """Return what a run that was to end when decided has shown."""
    if not is_decided(stop.only_candidate, stop.only_baseline):
        return Verdict.UNDECIDED
    return Verdict.BETTER if stop.only_candidate > stop.only_baseline else Verdict.WORSE
