"""Entries of fabricated runs: their numbers are known by hand."""

from bimodal.benchmark.suites import SUITES
from bimodal.leaderboard.entry import entry_from_run, write_entry
from bimodal.leaderboard.entry_model import Entry
from fabricated import outcome, run_folder

DUMBBELL, POST = SUITES["smoke"].tasks
WIN_LEFT, WIN_RIGHT = outcome("SUCCESS", 0, 0.01, 80), outcome("SUCCESS", 1, 0.98, 90)
MIDDLE, LATE, IDLE = (
    outcome("COLLISION_MID", -1, 0.5, 40),
    outcome("TIMEOUT", 0, 0.02, 100),
    outcome("NO_ATTEMPT", steps=120),
)
MIXED = [WIN_LEFT] * 8 + [WIN_RIGHT] * 4 + [MIDDLE] * 3 + [LATE]


def make(tmp_path, policy, wins, **options):
    """Return the entry of a policy that wins on the first `wins` seeds of both tasks and averages after."""
    episodes = ([WIN_LEFT, WIN_RIGHT] * 8)[:wins] + [MIDDLE] * (16 - wins)
    return entry_from_run(
        run_folder(tmp_path / policy, {DUMBBELL: episodes, POST: episodes}, policy, **options)
    )


def changed(entry, change):
    """Return an entry with a change in it."""
    raw = entry.plain()
    change(raw)
    return Entry.model_validate(raw)


def write(raw, folder):
    return write_entry(Entry.model_validate(raw), folder)


def edit(*path, to):
    """Return a function that sets entry[path] to a value, or to a function of the old one."""

    def change(entry):
        for part in path[:-1]:
            entry = entry[part]
        entry[path[-1]] = to(entry[path[-1]]) if callable(to) else to

    return change
