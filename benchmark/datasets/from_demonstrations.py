"""Demonstrations as the episodes of a data set; called by `bimodal export DEMONSTRATIONS --format NAME`."""

from collections.abc import Iterable, Iterator
from itertools import repeat
from pathlib import Path

import numpy as np

from ...tasks import load_task
from ...tasks.demonstrations.collect import load, played_states
from ...tasks.demonstrations.grades import KINDS
from ...tasks.demonstrations.record import Demonstrations
from .delta_actions import check_conversion, converted
from .episodes import DataSource, Episode

RECORDED = "ee_absolute"
"""Action space of demonstrations."""


def demonstration_source(path: Path, action: str = RECORDED, cameras: tuple[str, ...] = ()) -> DataSource:
    """Return the demonstrations of a file, each up to its end.

    Args:
        path: an npz file as `bimodal demos` writes it.
        action: the action space to be written, `ee_absolute` or `ee_delta`.
        cameras: whose pictures are to be written; the demonstrations are then played again.

    Raises:
        WrongUse: the file is missing or damaged, or there is no way to that action space.
    """
    demos = load(path)
    check_conversion(RECORDED, action)
    task = load_task(demos.meta["task"])
    about = {"demonstrations": demos.meta}
    states = played_states(demos) if cameras else repeat(None)
    episodes = _episodes(demos, action, states)
    return DataSource(task, action, path.stem, about, len(demos.seeds), episodes, cameras=cameras)


def _episodes(demos: Demonstrations, action: str, states: Iterable[np.ndarray | None]) -> Iterator[Episode]:
    frames = demos.actions.shape[1]
    for row, (success, played) in enumerate(zip(demos.success.tolist(), states, strict=False)):
        steps = frames if demos.valid is None else int(demos.valid[row].sum())
        # what is seen after the last action of a file was not recorded: what was seen before it stands there
        seen = np.minimum(np.arange(steps + 1), frames - 1)
        observations = {name: values[row][seen] for name, values in demos.observations.items()}
        yield Episode(
            seed=int(demos.seeds[row]),
            mode=int(demos.modes[row]),
            label="SUCCESS" if success else "FAILURE",
            success=success,
            terminated=success or steps < frames,
            observations=observations,
            actions=converted(demos.actions[row, :steps], RECORDED, action, observations),
            kind="" if demos.kinds is None else KINDS[demos.kinds[row]],
            returns=None if demos.returns is None else demos.returns[row, :steps],
            states=None if played is None else played[:steps],
        )
