"""Draws the picture of every task and writes docs/gallery.md around them.

Run `python tools/gallery.py` after tasks were added or changed, or `python tools/gallery.py TASK...` for
some; `tests/benchmark/test_task_picture.py` fails until every task is there.
"""

import sys
from pathlib import Path

from bimodal.benchmark.media.task_picture import PASSES, draw
from bimodal.tasks import Task, load_task, task_names

DOCS = Path(__file__).parent.parent / "docs"
HEAD = """# Gallery

Every task, drawn by `bimodal view TASK --png FILE`: each mode, the average of all modes where it is stopped,
and the map. The pictures look at the robot's face, and the map has the robot above its upper edge, so the
robot's left is on the right. On the map

- the white outline holds the objects in all starts; the figures below it say how far the scene moves along x
  (away from the robot) and y (to its left), and how far it turns,
- every mode is a hand from above: a dot between two open fingers,
- what is hatched in orange is the dead zone: a policy that acts there has mixed modes, and fails.

`bimodal view TASK` opens a window in which the modes play in turn; `--gif FILE` writes them as they move.

```sh
pip install 'bimodal-bench[view]'
bimodal view PandaLiftPot-v1 --browser     # choose a mode, move through its control steps, look from anywhere
bimodal view runs/smoke-flow --browser     # every episode of a run, simulated again from its record
```

shows them in a browser, by [viser](https://viser.studio). It needs no display of its own. The page is served
to this machine alone (127.0.0.1), without a password; from elsewhere use `ssh -L 8080:127.0.0.1:8080 HOST`.
Colours are plain there, and marks of the dead zone are in the window alone.

This page is written by `python tools/gallery.py`, which draws all pictures again.
"""


def page() -> str:
    """Return the text of docs/gallery.md for the tasks of today."""
    return "\n".join([HEAD, *(section(load_task(name)) for name in task_names())])


def section(task: Task) -> str:
    """Return what the page says about a task."""
    modes = ", ".join(task.modes)
    before = f" It supersedes {task.supersedes}." if task.supersedes else ""
    picture = f"![{task.goal} Modes: {modes}.](images/{task.id}.jpg)"
    return f"## {task.id}\n\n{task.goal} {len(task.modes)} modes: {modes}.{before}\n\n{picture}\n"


def main(names: tuple[str, ...], passes: int = PASSES) -> None:
    """Draw the named tasks, then write the page."""
    for name in names:
        draw(load_task(name), DOCS / "images" / f"{name}.jpg", passes=passes)
    (DOCS / "gallery.md").write_text(page())


if __name__ == "__main__":
    main(tuple(sys.argv[1:]) or task_names())
