"""The file that defines a policy, as a sha256; written into run cards, so that another version is noticed."""

import hashlib
import inspect
import secrets
from pathlib import Path

from .policy import Policy


def source_digest(found: type[Policy]) -> dict[str, str]:
    """Return the sha256 of the file that defines a policy, {file name: sha256}.

    Files that it imports or reads do not count: a policy made of several overrides `artifacts()`.
    """
    try:
        file = Path(inspect.getfile(found))
        return {file.name: hashlib.sha256(file.read_bytes()).hexdigest()}
    except (TypeError, OSError):  # defined in a terminal or notebook: never the same twice
        return {found.__qualname__: secrets.token_hex(16)}
