"""What another machine needs to play a policy: its files, its weights and the files of plug-ins, in one zip.

`pack` is called where the run was started, `unpack` on the machine that plays. Bimodal itself is no part of
it: it must be installed there, in the same version.
"""

import hashlib
import io
import os
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ...envs.errors import BimodalError, WrongUse
from ...envs.perturbations.core.registry import PERTURBATIONS
from ...policies.core.registry import POLICIES
from ...policies.core.wrapping import unwrapped, with_inner
from ...tasks.core.registry import TASKS
from ..evaluation.worker_process import Job
from ..isolation.choice import hidden_from_policies

LARGEST = 2**30
"""Bytes that are sent at most."""
_POLICY = "policy"
_WEIGHTS = "weights"
_PLUGINS = "plugins"
"""Folders of a parcel."""
_LEFT_OUT = ("__pycache__", "site-packages")
_REGISTRIES = (TASKS, POLICIES, PERTURBATIONS)
_DATE = (1980, 1, 1, 0, 0, 0)
"""Of every file, so that equal files make equal parcels."""


class Parcel(NamedTuple):
    """A policy and what belongs to it, ready to be sent."""

    content: bytes
    """The zip."""
    sha256: str
    """Its sum."""
    job: Job
    """What workers need to know, with paths inside the parcel."""


def pack(job: Job) -> Parcel:
    """Return the parcel of a run.

    Raises:
        WrongUse: more than `LARGEST` bytes lie beside the policy or its weights.
    """
    file = _policy_file(job.policy)
    named = with_inner(job.policy, lambda uri: f"{_POLICY}/{Path(uri).name}") if file else job.policy
    hidden = [Path(folder) for folder in job.hidden]
    files: dict[str, Path] = {}
    if file:
        files |= _below(file.parent, _POLICY, hidden)
    if job.weights:
        files |= _below(job.weights, _WEIGHTS, [])
    for registry in _REGISTRIES:
        for number, path in enumerate(registry.listed()):
            files[f"{_PLUGINS}/{registry.variable}/{number}/{path.name}"] = path
    content = _zipped(files)
    there = job._replace(policy=named, checkpoints=_WEIGHTS if job.weights else None, hidden=())
    return Parcel(content, hashlib.sha256(content).hexdigest(), there)


def unpack(parcel: Parcel, folder: Path) -> Job:
    """Unpack a parcel into a folder, make its plug-ins known; returns the job with paths of this machine.

    Raises:
        BimodalError: it arrived damaged.
    """
    if hashlib.sha256(parcel.content).hexdigest() != parcel.sha256:
        raise BimodalError("the policy arrived damaged: its files have another sum than they were sent with")
    place = folder / parcel.sha256[:16]
    if not place.exists():
        with tempfile.TemporaryDirectory(dir=folder) as draft, zipfile.ZipFile(_stream(parcel)) as archive:
            whole = Path(draft) / "whole"
            whole.mkdir(mode=0o755)
            archive.extractall(whole)
            _move(whole, place)
    for registry in _REGISTRIES:
        listed = (place / _PLUGINS / registry.variable).glob("*/*")
        found = sorted(listed, key=lambda path: int(path.parent.name))
        os.environ[registry.variable] = os.pathsep.join(map(str, found))
    job = parcel.job
    named = _policy_file(job.policy)
    return job._replace(
        policy=with_inner(job.policy, lambda uri: str(place / uri)) if named else job.policy,
        checkpoints=str(place / job.checkpoints) if job.checkpoints else None,
        hidden=tuple(map(str, hidden_from_policies(folder / "run"))),
    )


def _policy_file(uri: str) -> Path | None:
    """Return the file that a policy is named by; None for one that is installed or behind a server."""
    file, _, _ = unwrapped(uri).rpartition(":")
    return Path(file) if file.endswith(".py") else None


def _below(folder: Path, name: str, hidden: list[Path]) -> dict[str, Path]:
    """Return the files below a folder by their names in the parcel; hidden folders, caches, dot files not."""
    files = dict(_named(folder, name, hidden))
    if (size := sum(path.stat().st_size for path in files.values())) > LARGEST:
        raise WrongUse(
            f"{size / 1e9:.1f} GB lie below {folder}, and at most {LARGEST / 1e9:.1f} GB are sent to other "
            "machines: put what the policy needs into a folder of its own"
        )
    return files


def _named(folder: Path, name: str, hidden: list[Path]) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        dropped = any(part.startswith(".") or part in _LEFT_OUT for part in inside.parts)
        if not dropped and path.is_file() and not any(path.is_relative_to(one) for one in hidden):
            yield f"{name}/{inside.as_posix()}", path


def _zipped(files: dict[str, Path]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, path in files.items():
            archive.writestr(zipfile.ZipInfo(name, _DATE), path.read_bytes())
    return stream.getvalue()


def _stream(parcel: Parcel) -> io.BytesIO:
    return io.BytesIO(parcel.content)


def _move(whole: Path, place: Path) -> None:
    """Give the unpacked files their place, unless another process of this machine was faster."""
    try:
        whole.rename(place)
    except OSError:
        if not place.exists():
            raise
