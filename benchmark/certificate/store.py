"""Certificates on disk: measured once, kept in `runs/certificates/`, shown on one page."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ...tasks.core.fingerprint import fingerprint
from ...tasks.core.task import Task
from ..provenance import versions
from ..records.measurement_store import MeasurementStore
from ..records.run_folder import RUNS
from .certificate import Certificate

FOLDER = RUNS / "certificates"
"""Where certificates lie, relative to the working directory."""


def save_certificate(certificate: Certificate, folder: Path = FOLDER) -> Path:
    """Write a certificate; return its file."""
    measured_on = {"fingerprint": certificate.fingerprint, "versions": certificate.versions}
    store = _store(certificate.task, measured_on, folder)
    store.put("quick" if certificate.quick else "whole", certificate)
    return store.file


def load_certificate(task: Task, folder: Path = FOLDER) -> Certificate | None:
    """Return the whole certificate of the task's present form and of the installed versions, if any."""
    measured_on = {"fingerprint": fingerprint(task), "versions": versions()}
    return _store(task.id, measured_on, folder).get("whole")


def load_certificates(tasks: Iterable[Task], folder: Path = FOLDER) -> list[Certificate]:
    """Return the certificates of all tasks that have one."""
    return [found for task in tasks if (found := load_certificate(task, folder))]


def _store(task: str, measured_on: Mapping[str, Any], folder: Path) -> MeasurementStore[Certificate]:
    return MeasurementStore(folder / f"{task}.json", measured_on, Certificate)
