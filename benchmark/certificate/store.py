"""Certificates on disk: measured once, kept in `runs/certificates/`, shown on one page."""

import json
from collections.abc import Iterable
from pathlib import Path

from ...envs.files import write_json
from ...tasks.core.fingerprint import fingerprint
from ...tasks.core.task import Task
from ..evaluation.evaluate import RUNS
from ..provenance import versions
from .certificate import Certificate

FOLDER = RUNS / "certificates"
"""Where certificates lie, relative to the working directory."""


def keep(certificate: Certificate, folder: Path = FOLDER) -> Path:
    """Write a certificate; return its file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{certificate.task}.json"
    write_json(path, certificate.to_json())
    return path


def kept(task: Task, folder: Path = FOLDER) -> Certificate | None:
    """Return the certificate of the task's present form and of the installed versions, if there is one."""
    try:
        found = Certificate.from_json(json.loads((folder / f"{task.id}.json").read_text()))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    current = found.fingerprint == fingerprint(task) and found.versions == versions()
    return found if current and not found.quick else None


def all_kept(tasks: Iterable[Task], folder: Path = FOLDER) -> list[Certificate]:
    """Return the certificates of all tasks that have one."""
    return [found for task in tasks if (found := kept(task, folder))]
