"""How a command declares its arguments, and the arguments that several commands have.

A command's arguments are types, such as `Annotated[int, number("training seed")]`, and their defaults stand
in the signature of its function `run`. Nothing heavy is imported here: names of tasks and policies are looked
up when an argument is read or completed, and the few names that the help text tells are written below.
"""

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from ..envs.errors import WrongUse, unknown_name

SUITES = ("smoke", "core", "full", "core-vision", "hard", "diversity", "instructed")
PRESETS = ("tiny", "cpu", "gpu")
REGIMES = ("bi50", "bi70", "bi90", "uni", "ctx", "graded", "human", "rare", "unpaired")
FORMATS = ("lerobot", "robomimic", "minari")
ACTIONS = ("ee_absolute", "ee_delta", "joint_absolute")
RUNS = Path("runs")
"""Names that the help text tells. The rooms below own them; a test compares both."""
ENTRIES = Path(__file__).parents[1] / "leaderboard" / "entries"
"""Entries that come with the package."""
CHECKPOINTS = RUNS / "checkpoints"
"""Where trained weights go, relative to the working directory."""

# ------------------------------------------------------------------------------------ how to declare them


def option(
    metavar: str,
    text: str,
    parser: Callable | None = None,
    default: str = "",
    kind: Callable = typer.Option,
    **more: Any,
) -> Any:
    """Return the declaration of an option with a value, which `metavar` stands for in the help text.

    `default` says what happens without it; else the help text shows the value that the signature gives.
    """
    shown = f"{text}  [default: {default}]" if default else text
    return kind(metavar=metavar, parser=parser, help=shown, show_default=not default, **more)


argument = partial(option, kind=typer.Argument)
"""Returns the declaration of a positional argument; see `option`."""


def number(text: str, default: str = "") -> Any:
    """Return the declaration of an option with a whole number."""
    return option("N", text, integer, default)


def flag(name: str, text: str) -> Any:
    """Return the declaration of an option that is there or not."""
    return typer.Option(name, help=text)


def choice(kind: str, text: str, names: tuple[str, ...], default: str = "") -> Any:
    """Return the declaration of an option that is one of a few names."""

    def parse(text: str) -> str:
        if text not in names:
            raise unknown_name(kind, text, names)
        return text

    return option("NAME", text, parse, default, autocompletion=lambda: names)


def task_option(text: str) -> Any:
    """Return the declaration of an option that is a task."""
    return option("TASK", text, task_name, autocompletion=task_names)


# ------------------------------------------------------------------------------------ how they are read


def integer(text: str) -> int:
    """Parse a whole number."""
    try:
        return int(text)
    except ValueError:
        raise typer.BadParameter(f"invalid int value: {text!r}") from None


def percentage(text: str) -> float:
    """Parse a share in per cent, between 0 and 100."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 100:
        raise WrongUse(f"{text!r} is no share in per cent, 0 to 100")
    return value / 100


def seed_range(text: str) -> range:
    """Parse `START..END` (inclusive) or a count.

    Raises:
        WrongUse: it is neither.
    """
    first, dots, last = text.partition("..")
    try:
        return range(int(first), int(last) + 1) if dots else range(int(first))
    except ValueError:
        raise WrongUse(f"--seeds {text!r} is not START..END or a count, e.g. 0..49 or 50") from None


def shard_part(text: str) -> Any:
    """Parse `I/N`; returns the `RunPart`.

    Raises:
        WrongUse: it is no part of a run.
    """
    from ..benchmark.records.run_record import RunPart

    number, _, of = text.partition("/")
    if not (number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of) <= 10_000):
        raise WrongUse(f"--shard {text!r} is not I/N with I from 1 to N, e.g. 2/3")
    return RunPart(number=int(number), of=int(of))


def task_name(text: str) -> str:
    """Parse a task id or a file; returns the id."""
    from ..tasks import task_id

    return task_id(text)


def task_names() -> Iterable[str]:
    """Return the ids that the shell offers for a task."""
    from ..tasks import task_names

    return task_names()


def policy_names() -> Iterable[str]:
    """Return the names that the shell offers for a policy."""
    from ..policies import policy_names

    return policy_names()


def variant_names() -> Iterable[str]:
    """Return the names that the shell offers for a variant: levels, and the magnitudes that suites have."""
    from ..benchmark.suites import SUITES
    from ..envs.perturbations.core.perturbation import LEVELS
    from ..envs.perturbations.core.registry import perturbations
    from ..envs.perturbations.core.variant import CLEAN, COMBO

    levels = (f"{name}:{level}" for name in (*perturbations(), COMBO) for level in LEVELS[1:])
    shifts = (variant for suite in SUITES.values() for variant in suite.variants)
    return sorted({CLEAN, *levels, *shifts})


def variant_option(text: str) -> Any:
    """Return the declaration of an option that is a variant."""
    return option("VARIANT", text, autocompletion=variant_names)


# ---------------------------------------------------------------------------------- those of several commands

Task = Annotated[str, argument("TASK", "task id or file.py", task_name, autocompletion=task_names)]
Workers = Annotated[int | None, number("processes; 0 stays in this process", "one a core")]
Threads = Annotated[int, number("simulation threads of a process")]
Checkpoints = Annotated[Path | None, option("FOLDER", "trained weights", default="those of the package")]
Deadline = Annotated[float, option("SECONDS", "longest time of a decision")]
FreshRun = Annotated[bool, flag("--fresh", "discard an earlier run in the folder")]
Sandbox = Annotated[
    bool | None,
    flag("--sandbox/--no-sandbox", "shut the policy in  [default: all but Bimodal's own]"),
]
Json = Annotated[bool, flag("--json", "print the result as JSON, for programs")]
Page = Annotated[Path | None, option("FILE", "also write the page of Markdown")]
