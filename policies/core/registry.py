"""Finding a policy: by registered name, `path/to/file.py:Class`, `package.module:Class` or its server's URI.

`safe(...)` around any of these puts the policy behind a safety filter; `wrapping.py` has more of the kind.
"""

import importlib
import importlib.util
import sys
from contextlib import suppress
from pathlib import Path
from types import ModuleType

from ...envs.errors import BimodalError, WrongUse, unknown_name
from ...envs.plugins.import_file import import_file
from ...envs.plugins.registry import PluginRegistry
from ...envs.plugins.script_block import refuse_missing
from ...tasks.core.registry import private_copy
from ...tasks.core.task import Task
from .policy import Policy
from .server_address import is_remote
from .wrapping import unwrapped, wrapper_class, wrapper_options, wrapping

POLICIES = PluginRegistry(
    kind="policy",
    attribute="name",
    pattern=r"[a-z][a-z0-9_]*",
    example="my_policy",
    package="bimodal.policies",
    folder=Path(__file__).parents[1],
    variable="BIMODAL_POLICIES",
    group="bimodal.policies",
)
"""Every registered policy: a class that states its `name`."""
LISTING = (
    "experts",
    "baselines",
    "mpc",
    "mse",
    "mse_labelled",
    "mip",
    "flow",
    "flow_instructed",
    "reflow",
    "shortcut_model",
    "mars",
    "diffusion",
    "diffusion_unet",
    "gmm",
    "discrete_chunks",
    "act",
    "mse_step",
    "nearest",
    "shortcuts",
    "diffuser",
    "decision_diffuser",
    "diffuser_lite",
    "diffusion_veteran",
    "vision_mse",
    "vision_flow",
    "vision_diffusion",
)
"""Files in the order of tables, the simple ones first; a file that is not named here comes after them."""
ORACLES = ("mse_labelled",)
"""Those of Bimodal's own that are told what a policy is asked to find out: the mode."""
SHIPPED_CHECKPOINTS = Path(__file__).parents[1] / "checkpoints"
"""Trained weights that come with the package."""


def own_names() -> tuple[str, ...]:
    """Return the registered names of Bimodal's own policies, in the order of tables."""
    place = {file: index for index, file in enumerate(LISTING)}
    own = POLICIES.own()
    return tuple(sorted(own, key=lambda name: place.get(own[name].stem, len(place))))


def policy_names() -> tuple[str, ...]:
    """Return all registered names: Bimodal's own, then those of installed packages and BIMODAL_POLICIES.

    Raises:
        WrongUse: BIMODAL_POLICIES names a file that is not a policy's.
    """
    return tuple(dict.fromkeys((*own_names(), *POLICIES.names())))


def load_policy(uri: str | type[Policy], task: Task, checkpoints: Path | None = None) -> Policy:
    """Return the policy that `uri` names, ready for `task`, of which it gets a copy of its own.

    Args:
        uri: a registered name, `path/to/file.py:Class`, `package.module:Class`, `openpi://host:port`,
            `vla-eval://host:port`, one of these in `safe(...)` and the like, or the class itself.
        task: the task to act in.
        checkpoints: folder of trained weights; None for the shipped ones.

    Raises:
        WrongUse: nothing of that name, or not a policy.
        BimodalError: its checkpoint is missing or damaged.
    """
    found = policy_class(uri) if isinstance(uri, str) else uri
    if isinstance(uri, str) and (said := wrapping(uri)):
        return found(load_policy(said.inner, task, checkpoints), **wrapper_options(said))  # type: ignore[arg-type, call-arg]
    task = private_copy(task)
    try:
        if hasattr(found, "method") and uri in POLICIES.own():
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
        WrongUse: nothing of that name, not a subclass of `Policy`, or an option that a wrapper does not have.
    """
    if said := wrapping(uri):
        found = policy_class(said.inner)
        name = said.inner if said.inner in policy_names() else found.__qualname__
        around = wrapper_class(said)
        wrapper_options(said)
        return type(said.around(name), (around,), {"__module__": around.__module__})
    if is_remote(uri):
        return importlib.import_module("bimodal.policies.remote.remote_policy").remote_class(uri)
    if ":" not in uri:
        if uri.endswith(".py"):
            raise WrongUse(f"policy {uri!r} names a file but no class: write {uri}:ClassName")
        found = POLICIES.load(uri, POLICIES.source(uri), Policy, lambda kind: kind)
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


def _from_file(location: str) -> ModuleType:
    path = Path(location).resolve()
    if not path.is_file():
        raise WrongUse(f"no policy file at {location}")
    refuse_missing(path)
    try:
        return import_file(path, "policy")
    except (Exception, SystemExit) as error:
        raise WrongUse(f"{location} does not import: {type(error).__name__}: {error}") from error


def _from_module(location: str) -> ModuleType:
    _offer_working_folder()
    try:
        return importlib.import_module(location)
    except (Exception, SystemExit) as error:
        raise WrongUse(f"module {location} does not import: {type(error).__name__}: {error}") from error


def _offer_working_folder() -> None:
    """Let modules of the working folder be imported, as `python -m` would."""
    if str(Path.cwd()) not in sys.path and "" not in sys.path:
        sys.path.append(str(Path.cwd()))


def import_folder(uri: str) -> Path | None:
    """Return the folder from which a policy's module is imported, without running any of it.

    None for a file, which has no module's name, and for what lies with Python's packages or is Bimodal's own.
    """
    inner = unwrapped(uri)
    module, colon, _ = inner.rpartition(":")
    if not colon and not inner.endswith(".py") and not isinstance(source := POLICIES.source(inner), Path):
        module = source[0].module
    top = module.partition(".")[0]
    if not top or module.endswith(".py") or top == "bimodal":
        return None
    _offer_working_folder()
    spec = None
    with suppress(ImportError, ValueError):
        spec = importlib.util.find_spec(top)
    places = list(spec.submodule_search_locations or [spec.origin]) if spec else []
    folder = Path(places[0]).resolve().parent if places and places[0] else None
    prefixes = [Path(prefix).resolve() for prefix in (sys.prefix, sys.base_prefix)]
    with_python = folder and any(folder.is_relative_to(prefix) for prefix in prefixes)
    return None if with_python else folder
