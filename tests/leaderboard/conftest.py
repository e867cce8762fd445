"""One entry that most tests of this room start from, and one that is submitted."""

import pytest
from bimodal.cli import main as cli
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


@pytest.fixture(scope="session")
def submitted(tmp_path_factory):
    """The expert's entry on the smoke suite and its archive, as `bimodal submit` writes them."""
    folder = tmp_path_factory.mktemp("submitted")
    (folder / "card.toml").write_text('most_likely_failure = "none"\nrejection_criterion = "a failure"\n')
    words = ["evaluate", "expert", "--suite", "smoke", "--workers", "0", "--no-videos"]
    assert cli.main([*words, "--card", str(folder / "card.toml"), "--out", str(folder / "run")]) == 0
    words = ["submit", str(folder / "run"), "--author", "Us", "--licence", "MIT", "--to", str(folder / "all")]
    assert cli.main(words) == 0
    return folder / "all" / "smoke-expert.json"
