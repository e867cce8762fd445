"""One entry that most tests of this room start from."""

import pytest
from bimodal.leaderboard.entry import entry_from_run
from fabricated import run_folder
from fabricated_entries import DUMBBELL, IDLE, MIXED, POST


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """The entry of 12/16 successes on one task and 0/16 on the other."""
    folder = tmp_path_factory.mktemp("run")
    return entry_from_run(run_folder(folder, {DUMBBELL: MIXED, POST: [IDLE] * 16}))


@pytest.fixture
def entry(sound):
    """The same as JSON, to be forged."""
    return sound.plain()
