"""Files of arrays that come from others."""

import pickle
import zipfile

import numpy as np
import pytest
from bimodal.envs.errors import BimodalError
from bimodal.envs.storage import npz as arrays
from bimodal.envs.storage.npz import read_arrays


def test_arrays_come_back_but_for_those_left_out(tmp_path):
    path = tmp_path / "some.npz"
    np.savez(path, one=np.arange(3), two=np.eye(2))
    found = read_arrays(path)
    assert sorted(found) == ["one", "two"] and (found["two"] == np.eye(2)).all()
    assert sorted(read_arrays(path, ["two"])) == ["one"]


def test_a_file_that_unpacks_to_too_much_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    """A thousandth of its size on the disk: what a zip claims is enough to refuse it."""
    monkeypatch.setattr(arrays, "LARGEST", 10**6)
    path = tmp_path / "bomb.npz"
    np.savez_compressed(path, zeros=np.zeros(10**6))
    assert path.stat().st_size < 10**4
    with pytest.raises(BimodalError, match="would unpack to 8000"):
        read_arrays(path)


def test_nothing_is_unpickled(tmp_path):
    path = tmp_path / "objects.npz"
    np.savez(path, objects=np.array([{"a": 1}], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle"):
        read_arrays(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("objects.npy", pickle.dumps({"a": 1}))
    with pytest.raises(BimodalError, match="no array"):
        read_arrays(path)
