"""Finding the perturbations: those of the package, of files in BIMODAL_AXES, and of installed packages.

As with a task, no code from outside runs because a record names it (see `envs/plugins/registry.py`).
"""

import os
from functools import cache
from pathlib import Path

from ...errors import WrongUse
from ...plugins.registry import PluginRegistry
from ...plugins.source import Source
from .perturbation import LEVELS, Perturbation, overrides

PERTURBATIONS = PluginRegistry(
    kind="perturbation",
    attribute="name",
    pattern=r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*",
    example="contact.dust",
    package="bimodal.envs.perturbations",
    folder=Path(__file__).parents[1],
    variable="BIMODAL_AXES",
    group="bimodal.axes",
)
"""Every known perturbation."""
HOOKS = (
    "perturb_scene",
    "perturb_model",
    "perturb_appearance",
    "perturb_start",
    "joint_offsets",
    "episode_steps",
    "perturb_observation",
    "perturb_instruction",
    "perturb_action",
    "perturb_simulation",
)
"""What a perturbation may change; it overrides at least one."""


def perturbations() -> dict[str, type[Perturbation]]:
    """Return every perturbation by name, in alphabetical order.

    What is wrong in an installed package is left out with a warning.

    Raises:
        WrongUse: a file of BIMODAL_AXES does not load, or holds no perturbation or a wrong one.
    """
    return _perturbations(os.environ.get(PERTURBATIONS.variable, ""))


@cache
def _perturbations(files: str) -> dict[str, type[Perturbation]]:
    found: dict[str, type[Perturbation]] = {}
    for name, source in sorted(PERTURBATIONS.sources().items()):
        try:
            found[name] = _checked(name, source)
        except WrongUse as error:
            if PERTURBATIONS.is_own(source):
                raise
            if isinstance(source, Path):
                raise PERTURBATIONS.in_variable(error) from error
            PERTURBATIONS.leave_out(source[0], str(error))
    return found


def _checked(name: str, source: Source) -> type[Perturbation]:
    kind = PERTURBATIONS.load(name, source, Perturbation, lambda kind: kind)
    if wrong := flaw(kind):
        raise WrongUse(f"{PERTURBATIONS.place(name)}: {kind.__name__}: {wrong}")
    return kind


def flaw(kind: type[Perturbation]) -> str:
    """Return what is wrong with the class of a perturbation, "" for nothing."""
    if not isinstance(getattr(kind, "unit", None), str):
        return 'it has no unit; write one such as unit = "mm"'
    if len(getattr(kind, "levels", ())) != len(LEVELS):
        return f"`levels` are the {len(LEVELS)} magnitudes of level 0, which is clean, to {LEVELS[-1]}"
    if not any(overrides(kind, hook) for hook in HOOKS):
        return f"it changes nothing; write one of its hooks: {', '.join(HOOKS)}"
    return ""
