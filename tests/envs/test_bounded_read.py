"""A file of anybody's is read up to a bound, and refused in one line."""

import pytest
from bimodal.envs.errors import BimodalError, WrongUse
from bimodal.envs.storage.bounded_read import read_bounded


def test_a_file_is_read_up_to_its_bound_and_no_further(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"x" * 2_000_000)
    assert read_bounded(file, 2_000_000) == file.read_bytes()
    with pytest.raises(WrongUse, match=r"file is larger than 1.99999 MB"):
        read_bounded(file, 1_999_990)
    with pytest.raises(BimodalError) as caught:
        read_bounded(file, 1, BimodalError)
    assert caught.type is BimodalError
    for path in (tmp_path / "none", tmp_path, tmp_path / ("x" * 300)):
        with pytest.raises(WrongUse, match="cannot read"):
            read_bounded(path, 1)
