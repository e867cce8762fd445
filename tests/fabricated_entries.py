"""Entries of fabricated runs: their numbers are known by hand."""

from bimodal.benchmark.scoring.run_episodes import read_run
from bimodal.benchmark.suites import SUITES
from bimodal.leaderboard.entry import entry_from_run, write_entry
from bimodal.leaderboard.entry_model import Entry
from bimodal.leaderboard.verification import rerun_verdict
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


def forge(raw, change):
    """Change an entry's JSON in place; the change sees every episode's label, mode, steps and digest."""
    for block in raw["episodes"]:
        endings = [block["endings"][place] for place in block.pop("ended")]
        block["labels"] = [label for label, _ in endings]
        block["modes"] = [mode for _, mode in endings]
        block["digests"] = [
            block["digests"][start : start + 8] for start in range(0, len(block["digests"]), 8)
        ]
        del block["endings"]
    change(raw)
    for block in raw["episodes"]:
        pairs = [list(pair) for pair in zip(block.pop("labels"), block.pop("modes"), strict=True)]
        block["endings"] = [pair for place, pair in enumerate(pairs) if pair not in pairs[:place]]
        block["ended"] = [block["endings"].index(pair) for pair in pairs]
        block["digests"] = "".join(block["digests"])


def write(raw, folder):
    return write_entry(Entry.model_validate(raw), folder)


def edit(*path, to):
    """Return a function that sets entry[path] to a value, or to a function of the old one."""

    def change(entry):
        for part in path[:-1]:
            entry = entry[part]
        entry[path[-1]] = to(entry[path[-1]]) if callable(to) else to

    return change


def drawn_by(name):
    """Return the fingerprint of a renderer."""
    return {"vendor": "Mesa", "name": name, "picture": name[:1].encode().hex() * 32}


def draw_anew(monkeypatch, name):
    """Have every run judged as if its policy had been shown pictures by a renderer."""

    def read(folder):
        run = read_run(folder)
        machine = run.record.machine.model_copy(update={"renderer": drawn_by(name)})
        return run._replace(record=run.record.model_copy(update={"machine": machine}))

    monkeypatch.setattr(rerun_verdict, "read_run", read)
