"""Finding a policy: by registered name, `path/to/file.py:Class` or `package.module:Class`.

`safe(...)` around any of these puts the policy behind a safety filter.
"""

import importlib
import importlib.util
import sys
from pathlib import Path

from ...envs.errors import BimodalError, WrongUse, unknown_name
from ...envs.plugins.import_file import import_file, module_name
from ...tasks.core.task import Task
from .policy import Policy

BUILT_IN = {
    "expert": "experts:Expert",
    "mean": "baselines:MeanOfModes",
    "zero": "baselines:Zero",
    "random": "baselines:Random",
    "mpc": "mpc:PredictiveSampling",
    "mpc_cem": "mpc:CrossEntropy",
    "mpc_mppi": "mpc:PathIntegral",
    "mpc_mismatched": "mpc:Mismatched",
    "mse": "mse:MSE",
    "mse_labelled": "mse_labelled:LabelledMSE",
    "mip": "mip:MIP",
    "flow": "flow:Flow",
    "flow_1step": "flow:OneStepFlow",
    "reflow": "reflow:Reflow",
    "diffusion": "diffusion:Diffusion",
    "diffusion_ddpm": "diffusion:DDPM",
    "diffusion_unet": "diffusion_unet:UNetDiffusion",
    "gmm": "gmm:GMM",
    "mse_step": "mse_step:StepMSE",
    "nearest": "nearest:Nearest",
    "diffuser": "diffuser:Diffuser",
    "decision_diffuser": "decision_diffuser:DecisionDiffuser",
    "diffuser_lite": "diffuser_lite:DiffuserLite",
    "veteran": "diffusion_veteran:Veteran",
}
"""Registered names and where they live."""
SAFE = "safety.safety_filter:SafetyFilter"
"""Where the class lives that `safe(...)` puts around a policy."""
SHIPPED_CHECKPOINTS = Path(__file__).parents[1] / "checkpoints"
"""Trained weights that come with the package."""


def policy_names() -> tuple[str, ...]:
    """Return the registered names."""
    return tuple(BUILT_IN)


def load_policy(uri: str | type[Policy], task: Task, checkpoints: Path | None = None) -> Policy:
    """Return the policy that `uri` names, ready for `task`.

    Args:
        uri: a registered name, `path/to/file.py:Class`, `package.module:Class`, one of these in `safe(...)`,
            or the class itself.
        task: the task to act in.
        checkpoints: folder of trained weights; None for the shipped ones.

    Raises:
        WrongUse: nothing of that name, or not a policy.
        BimodalError: its checkpoint is missing or damaged.
    """
    found = policy_class(uri) if isinstance(uri, str) else uri
    if isinstance(uri, str) and (inner := wrapped(uri)):
        return found(load_policy(inner, task, checkpoints))  # type: ignore[arg-type]
    try:
        if hasattr(found, "method") and uri in BUILT_IN:
            folder = SHIPPED_CHECKPOINTS if checkpoints is None else checkpoints
            return found(task, folder / task.id / f"{found.method}.safetensors")  # type: ignore[attr-defined, call-arg]
        return found(task)
    except BimodalError:
        raise
    except (Exception, SystemExit) as error:
        raise BimodalError(
            f"policy {uri!r} cannot be built for {task.id}: {type(error).__name__}: {error}; "
            "its constructor is called as Class(task)"
        ) from error


def policy_class(uri: str) -> type[Policy]:
    """Return the class that `uri` names.

    Raises:
        WrongUse: nothing of that name, or not a subclass of `Policy`.
    """
    if inner := wrapped(uri):
        found = policy_class(inner)
        name = inner if inner in BUILT_IN else found.__qualname__
        around = _built_in(SAFE)
        return type(f"safe({name})", (around,), {"__module__": around.__module__})
    if uri in BUILT_IN:
        found = _built_in(BUILT_IN[uri])
    elif ":" not in uri:
        raise (
            unknown_name("policy", uri, BUILT_IN)
            if not uri.endswith(".py")
            else WrongUse(f"policy {uri!r} names a file but no class: write {uri}:ClassName")
        )
    else:
        location, _, attribute = uri.rpartition(":")
        module = _from_file(location) if location.endswith(".py") else _from_module(location)
        if not hasattr(module, attribute):
            classes = [n for n, v in vars(module).items() if isinstance(v, type) and issubclass(v, Policy)]
            raise unknown_name(f"class in {location}", attribute, [n for n in classes if n != "Policy"])
        found = getattr(module, attribute)
    if not (isinstance(found, type) and issubclass(found, Policy)):
        raise WrongUse(f"{uri} is not a policy: it must subclass bimodal.policies.Policy")
    return found


def wrapped(uri: str) -> str:
    """Return the policy inside `safe(...)`, "" if it is none."""
    return uri[len("safe(") : -1] if uri.startswith("safe(") and uri.endswith(")") else ""


def _built_in(place: str) -> type[Policy]:
    """Return the class at `module:Class` of this package; its module is imported only now."""
    module, _, attribute = place.partition(":")
    return getattr(importlib.import_module(f"bimodal.policies.{module}"), attribute)


def _from_file(location: str):  # noqa: ANN202
    path = Path(location).resolve()
    if not path.is_file():
        raise WrongUse(f"no policy file at {location}")
    if known := sys.modules.get(module_name(path, "policy")):
        return known
    try:
        return import_file(path, "policy")
    except (Exception, SystemExit) as error:
        raise WrongUse(f"{location} does not import: {type(error).__name__}: {error}") from error


def _from_module(location: str):  # noqa: ANN202
    try:
        if str(Path.cwd()) not in sys.path and "" not in sys.path:
            sys.path.append(str(Path.cwd()))  # as `python -m` would
        return importlib.import_module(location)
    except (Exception, SystemExit) as error:
        raise WrongUse(f"module {location} does not import: {type(error).__name__}: {error}") from error
