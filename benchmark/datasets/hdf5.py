"""Opens HDF5 files for the writers of Minari and robomimic; h5py comes with the extra `export`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ...envs.errors import WrongUse


@contextmanager
def new_hdf5(path: Path) -> Iterator[Any]:
    """Yield a new h5py.File, whose groups keep the order in which they are made.

    Raises:
        WrongUse: h5py is not installed.
    """
    with _library().File(path, "w", track_order=True) as file:
        yield file


def require_hdf5() -> None:
    """Refuse before any work is done.

    Raises:
        WrongUse: h5py is not installed.
    """
    _library()


def _library() -> Any:
    try:
        import h5py  # type: ignore[import-not-found]
    except ImportError:
        raise WrongUse("this format needs the package h5py: pip install 'bimodal-bench[export]'") from None
    return h5py
