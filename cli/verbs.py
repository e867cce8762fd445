"""The verbs of the command line: which function each one calls, and its arguments."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from ..benchmark.evaluation.evaluate import RUNS
from ..benchmark.suites import SUITES
from ..envs.errors import unknown_name
from ..envs.perturbations.core.variant import CLEAN
from ..policies.core.registry import BUILT_IN
from ..policies.training.presets import PRESETS
from ..tasks import task_id
from ..tasks.demonstrations.collect import GRADED, REGIMES
from . import commands, commands_board, commands_study, commands_train
from .commands_train import CHECKPOINTS


class Command(NamedTuple):
    """One verb."""

    run: Callable[[argparse.Namespace], int]
    """What it does; its docstring is the help text."""
    arguments: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = ()
    """Arguments of `add_argument`."""


def argument(*flags: str, **options: Any) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Describe one argument."""
    return flags, options


def _known(kind: str, names: tuple[str, ...]) -> Callable[[str], str]:
    """Return a parser of names that says the near ones."""

    def parse(text: str) -> str:
        if text not in names:
            raise unknown_name(kind, text, names)
        return text

    return parse


_TASK = task_id
_ENTRIES = Path(__file__).parent.parent / "leaderboard" / "entries"
_WORKERS = (
    argument("--workers", type=int, help="processes (default: one a core; 0 stays in this process)"),
    argument("--threads", type=int, default=1, help="simulation threads of a process (default 1)"),
)

COMMANDS: dict[str, Command] = {
    "bench": Command(
        commands_board.bench, (argument("--out", type=Path, default=RUNS / "bench", help="folder"),)
    ),
    "tasks": Command(commands.tasks),
    "policies": Command(commands.policies),
    "new-task": Command(
        commands.new_task,
        (
            argument("name", help="id of the new task: robot, verb, object, e.g. PandaLiftStool"),
            argument("--out", type=Path, help="file or folder (default: ./NAME.py in snake case)"),
        ),
    ),
    "view": Command(
        commands.view,
        (
            argument("task", type=_TASK, help="task id or file.py"),
            argument("--png", type=Path, help="write a still instead (.png or .jpg)"),
            argument("--gif", type=Path, help="write the modes as they move instead (.gif)"),
            argument("--seed", type=int, default=0, help="of the scene (default 0)"),
        ),
    ),
    "scenes": Command(
        commands.scenes,
        (
            argument("task", type=_TASK, help="task id or file.py"),
            argument("--seed", default="0..15", help="one episode or START..END, included (default 0..15)"),
            argument(
                "--variant", default=CLEAN, help="e.g. scene.distractors:2+scene.texture:1 (default clean)"
            ),
            argument("--camera", default="front", help="front (default), side, top, closeup or wrist"),
            argument("--png", type=Path, default=RUNS / "scenes.png", help="file, .png or .jpg"),
        ),
    ),
    "demos": Command(
        commands_train.demos,
        (
            argument("task", type=_TASK, help="task id or file.py"),
            argument("--episodes", type=int, default=300, help="number of demonstrations (default 300)"),
            argument(
                "--regime",
                type=_known("regime", (*REGIMES, GRADED)),
                default="bi50",
                help="which modes are shown: bi50 both equally (default), bi70 and bi90 the first more often,"
                " uni only the first, ctx by the part of the table, graded both, some badly",
            ),
            argument("--seed", type=int, default=0, help="number of the demonstration set (default 0)"),
            argument("--noise", type=float, default=1.0, help="process noise [mm] (default 1)"),
            argument("--threads", type=int, help="simulation threads (default: one a core)"),
            argument("--out", type=Path, help="file (default: runs/demos/TASK/REGIME-EPISODES-sSEED.npz)"),
        ),
    ),
    "train": Command(
        commands_train.train,
        (
            argument("method", nargs="?", help="mse, flow, mip, ...: a wrong name lists them all"),
            argument(
                "--task",
                type=_TASK,
                action="append",
                help="task id or file.py (with --all: only these, may be repeated)",
            ),
            argument("--all", action="store_true", help="every method on every task, a process a core"),
            argument(
                "--suite",
                type=_known("suite", tuple(SUITES)),
                default="core",
                help=f"whose tasks --all means: {', '.join(SUITES)} (default core)",
            ),
            argument("--methods", help="with --all: only these, e.g. mse,flow"),
            argument("--seeds", help="with --all: training seeds, START..END (both included) or a count"),
            argument("--demos", type=Path, help="demonstrations (default: the method's, made if missing)"),
            argument(
                "--preset",
                type=_known("preset", tuple(PRESETS)),
                help=f"size: {', '.join(PRESETS)} (default cpu; with --all gpu where there is a CUDA device)",
            ),
            argument(
                "--device", default="auto", help="auto, cpu or cuda (default auto: cuda for the preset gpu)"
            ),
            argument("--steps", type=int, help="optimiser steps (default: the method's)"),
            argument("--seed", type=int, default=0, help="training seed (default 0)"),
            argument(
                "--out",
                type=Path,
                default=CHECKPOINTS,
                help="folder of checkpoints (default runs/checkpoints)",
            ),
            argument("--fresh", action="store_true", help="begin anew instead of going on"),
            argument("--workers", type=int, help="with --all: processes (default: one a core)"),
        ),
    ),
    "evaluate": Command(
        commands.run_evaluation,
        (
            argument(
                "policy", help=f"{', '.join(BUILT_IN)}, file.py:Class, module:Class, or safe(...) around one"
            ),
            argument(
                "--suite",
                type=_known("suite", tuple(SUITES)),
                default="core",
                help=f"{', '.join(SUITES)} (default core)",
            ),
            argument(
                "--task", type=_TASK, action="append", help="only this task, id or file.py (may be repeated)"
            ),
            argument("--seeds", help="other seeds: START..END (both included) or a count"),
            argument(
                "--variant",
                action="append",
                help="only this variant beside the clean world, e.g. contact.friction:2 or"
                " contact.friction:2+sensing.latency:1; `clean` for the clean world alone (may be repeated)",
            ),
            argument("--out", type=Path, help="run folder (default runs/SUITE-POLICY)"),
            argument(
                "--checkpoints", type=Path, help="folder of trained weights (default: the shipped ones)"
            ),
            argument(
                "--entry",
                type=Path,
                nargs="?",
                const=Path("entries"),
                help="write a leaderboard entry into this folder (default: entries)",
            ),
            argument(
                "--deadline", type=float, default=30.0, help="longest time of a decision [s] (default 30)"
            ),
            argument("--no-videos", action="store_true", help="render no videos"),
            argument("--fresh", action="store_true", help="discard an earlier run in the folder"),
            *_WORKERS,
        ),
    ),
    "videos": Command(commands.videos, (argument("run_folder", type=Path, help="run folder"),)),
    "certify": Command(
        commands_study.certify,
        (
            argument("task", type=_TASK, nargs="*", help="task ids or files (default: all)"),
            argument("--all", action="store_true", help="every task, as without any task id"),
            argument(
                "--quick",
                action="store_true",
                help="20 seeds and gates 1 to 4 only: no learning (with --variants: 10 seeds, not kept)",
            ),
            argument(
                "--controls",
                action="store_true",
                help="instead: success when the demonstrations show one mode, both, or a visible one, and on"
                " one task what branch time and process noise do",
            ),
            argument(
                "--limits", action="store_true", help="instead: when regression escapes (docs/validity.md)"
            ),
            argument(
                "--variants",
                action="store_true",
                help="instead: in which variants the experts of all modes still succeed (docs/variants.md)",
            ),
            argument("--fresh", action="store_true", help="measure again what runs/ holds already"),
            argument("--page", type=Path, help="also write the page of Markdown (of all that runs/ holds)"),
            argument("--workers", type=int, help="processes (default: one a core)"),
        ),
    ),
    "results": Command(
        commands_study.results,
        (
            argument("--sampling", action="store_true", help="also measure samplers by executed length"),
            argument("--choices", action="store_true", help="also measure what makes methods choose a mode"),
            argument("--page", type=Path, help="also write the page of Markdown"),
            argument("--fresh", action="store_true", help="measure samplers and choices again"),
            argument("--workers", type=int, help="processes (default: one a core)"),
        ),
    ),
    "probe": Command(
        commands.probe,
        (
            argument("--learned", action="store_true", help="with a trained denoiser and two right grasps"),
            argument("--plot", type=Path, help="also draw it: FILE.svg"),
        ),
    ),
    "leaderboard": Command(
        commands_board.leaderboard,
        (argument("entries", type=Path, nargs="?", default=_ENTRIES, help="folder of entries"),),
    ),
    "check": Command(commands_board.check, (argument("entry", type=Path, help="entry file"),)),
    "reproduce": Command(
        commands_board.reproduce,
        (
            argument("entry", type=Path, help="entry file"),
            argument("--out", type=Path, help="run folder (default runs/reproduce-ENTRY)"),
            argument(
                "--checkpoints", type=Path, help="folder of trained weights (default: the shipped ones)"
            ),
            argument("--fresh", action="store_true", help="discard an earlier run in the folder"),
            *_WORKERS,
        ),
    ),
    "site": Command(
        commands_board.site,
        (
            argument("--entries", type=Path, default=_ENTRIES, help="folder of entries"),
            argument(
                "--run", type=Path, action="append", help="run folder whose videos to show (may be repeated)"
            ),
            argument("--out", type=Path, default=Path("site"), help="folder of the page (default site)"),
        ),
    ),
    "speed": Command(commands.speed, (argument("--quick", action="store_true", help="fewer rounds"),)),
}
"""The verbs, in the order of the help text."""
