"""What docs/submit.md, reproduce.md, protocol.md and leaderboard/RULES.md say is what the code does."""

import re
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from bimodal.benchmark.evaluation.options import EvalOptions
from bimodal.benchmark.records.contract_card import Answers, read_statement
from bimodal.benchmark.rollout.timeouts import BUILD_DEADLINE_S
from bimodal.benchmark.suites import SHARD_SIZE, SUITES
from bimodal.envs import seed_ranges
from bimodal.envs.fixed_grid import FINE
from bimodal.envs.scene import SUBSTEPS, TIMESTEP
from bimodal.envs.specs import ACTIONS, CONTROL_HZ, GRID, bounds
from bimodal.leaderboard import files, folders, marks
from bimodal.leaderboard.board import RANKED, TRACKS
from bimodal.leaderboard.submission.submit import MOST_TRACE_BYTES, NEEDED_ANSWERS
from bimodal.leaderboard.verification import first_decisions, fresh_seeds, rerun_verdict, trace_archive
from bimodal.leaderboard.verification.replay_cell import FAR, NEAR
from bimodal.tasks import load_task, task_names

ROOT = Path(__file__).parent.parent
SUBMIT = (ROOT / "docs" / "submit.md").read_text()
REPRODUCE = (ROOT / "docs" / "reproduce.md").read_text()
PROTOCOL = (ROOT / "docs" / "protocol.md").read_text()
RULES = (ROOT / "leaderboard" / "RULES.md").read_text()
SECURITY = (ROOT / "SECURITY.md").read_text()


def flat(text):
    """Return a page in one line, so that no sentence is missed where its line ends."""
    return " ".join(text.split())


def rows(text, heading):
    """Return the cells of the table under a heading, without its first row."""
    (section,) = re.findall(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.S | re.M)
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip(" `*") for cell in line.strip("|").split("|")] for line in lines[2:]]


def block(text, language):
    return re.findall(rf"```{language}\n(.*?)```", text, re.S)[0]


# ------------------------------------------------------------------------------------------- submit.md


def test_the_policy_of_the_page_answers_as_it_should():
    names = {}
    exec(block(SUBMIT, "python"), names)
    task = load_task("PandaLiftDumbbell-v1")
    seen = {spec.name: np.zeros((3, *spec.shape)) for spec in task.observation}
    actions = names["Stay"](task).act(seen).actions
    low, high = bounds(ACTIONS["ee_absolute"])
    assert actions.shape == (3, 8, 10) and (actions >= low).all() and (actions <= high).all()


def test_the_card_of_the_page_says_what_a_submission_must_say(tmp_path):
    file = tmp_path / "card.toml"
    file.write_text(block(SUBMIT, "toml"))
    said = read_statement(file).given()
    others = [name for name in NEEDED_ANSWERS if name not in said]
    assert said.keys() <= {*NEEDED_ANSWERS} and all(f"`{name}`" in flat(SUBMIT) for name in others)
    assert {*NEEDED_ANSWERS} <= Answers.model_fields.keys()


def test_what_the_page_says_is_told_is_what_the_code_tells():
    source = "".join(file.read_text() for file in (ROOT / "leaderboard").rglob("*.py"))
    source = re.sub(r'"\n\s*f?"', "", source)  # a sentence over two lines
    refusals = [row[0] for row in rows(SUBMIT, "What would be refused")]
    assert len(refusals) > 5
    for words in refusals:
        for piece in filter(None, (part.strip() for part in re.split(r"\.\.\.|(?<=\s)[0-9]+\b", words))):
            assert piece in source, piece


def test_the_sizes_of_the_pages():
    megabytes = MOST_TRACE_BYTES / 1e6
    assert f"more than {megabytes:g} |" in flat(SUBMIT) and f"at most {megabytes:g} MB lies beside" in flat(
        RULES
    )
    assert f"archive, at most {trace_archive.LARGEST / 1e6:g} MB" in flat(SECURITY)
    assert f"the entry, at most {files.MAX_BYTES / 1e6:g} MB" in flat(SECURITY)
    entries = (ROOT / "leaderboard" / "entries").glob("core-*.json")
    assert max(file.stat().st_size for file in entries) < 100_000
    assert all(
        "`core` has less than 100 kB" in text or "100 kB for `core`" in flat(text) for text in (SUBMIT, RULES)
    )


# ------------------------------------------------------------------------------ reproduce.md, RULES.md


def test_the_answers_and_their_bounds():
    told = re.findall(r"^(\w+)  +\w", rerun_verdict.__doc__, re.M)
    assert [row[0] for row in rows(REPRODUCE, "Reproduce: does the policy do it again?")] == told
    macro, task = (100 * margin for margin in (rerun_verdict.MACRO_MARGIN, rerun_verdict.TASK_MARGIN))
    assert f"less than {macro:g} points apart over all tasks, less than {task:g} on each" in flat(REPRODUCE)
    begun = f"(within {first_decisions.START:.0e}".replace("e-0", "e-")
    decided = f"the same within {first_decisions.DECISION:.0e}".replace("e-0", "e-")
    assert begun in flat(REPRODUCE) and decided in flat(REPRODUCE)
    kinds = {row[0]: row[1] for row in rows(REPRODUCE, "Verify: do the episodes follow from their actions?")}
    assert [float(re.search(r"1e-\d", kinds[kind])[0]) for kind in ("near", "drifted")] == [NEAR, FAR]
    assert f"`verify` allows 1e{np.log10(FAR):.0f} m or rad" in flat(PROTOCOL)


def test_the_levels_the_marks_and_the_tracks():
    assert tuple(row[0] for row in rows(RULES, "Levels")) == get_args(marks.Level)
    assert all(f"`{name}`" in flat(RULES) for name in marks.Mark.model_fields)
    tracks = {row[0]: row[2] for row in rows(RULES, "Tracks")}
    assert set(tracks) == set(TRACKS)
    assert {name for name, ranked in tracks.items() if ranked.startswith("yes")} == set(RANKED)
    assert folders.COPIED == 0.5 and "half the episodes are another's" in flat(RULES)


def test_the_fields_of_archives_and_marks():
    formats = (ROOT / "docs" / "data-formats.md").read_text()
    tables = {part.split("\n")[0]: part for part in formats.split("\n### ")}
    named = {
        heading: re.findall(r"`([^`]+)`", " ".join(re.findall(r"^\| (`[^|]*)", tables[heading], re.M)))
        for heading in ("ENTRY.trace.npz", "marks.json")
    }
    assert tuple(named["ENTRY.trace.npz"]) == trace_archive.CellTrace._fields
    assert all(f"`{name}`" in tables["ENTRY.trace.npz"] for name in trace_archive.TraceHeader.model_fields)
    assert named["marks.json"] == [*marks.Mark.model_fields]
    assert f"units of 2^{np.log2(trace_archive.GRID):.0f} m" in tables["ENTRY.trace.npz"]


# ----------------------------------------------------------------------------------------- protocol.md


def _episodes(suite):
    """Return how many episodes a suite has, in words; which cells `full` leaves out takes long to find."""
    if suite.name == "full":
        return f"at most {len(suite.tasks) * len(suite.variants) * len(suite.seeds):,}"
    return f"{sum(len(shard.seeds) for shard in suite.shards()):,}"


def test_the_table_of_suites():
    for name, version, *numbers, board in rows(PROTOCOL, "Suites"):
        suite = SUITES[name]
        repeated = suite.seeds.start in seed_ranges.REPEATED
        shifted = len(suite.panel("")) if len(suite.variants) > 1 else "-"
        right = [len(suite.tasks), len(suite.seeds), len(suite.variants) - 1, shifted, _episodes(suite)]
        assert (version, numbers) == (suite.version, [str(one) for one in right])
        assert board.startswith("no") == repeated
    assert {row[0] for row in rows(PROTOCOL, "Suites")} == SUITES.keys()
    assert f"`core {SUITES['core'].version} {SUITES['core'].hash()[:8]}`" in flat(PROTOCOL)


def test_the_table_of_seeds():
    found = [[int(n.replace(",", "")) for n in row[0].split(" to ")] for row in rows(PROTOCOL, "Seeds")]
    panels, test, validation, train = (
        getattr(seed_ranges, name) for name in ("PANELS", "TEST", "VALIDATION", "TRAIN")
    )
    assert range(found[1][0], found[1][1] + 1) == fresh_seeds.FRESH
    assert f"{fresh_seeds.COUNT} clean seeds a task" in flat(REPRODUCE)
    assert found == [
        [panels.start, panels.stop - 1],
        [panels.stop, test.stop - 1],
        [validation.start, validation.stop - 1],
        [train.start, train.stop - 1],
    ]


def test_the_numbers_of_an_episode():
    told = dict(rows(PROTOCOL, "An episode"))
    assert told["control rate"].startswith(
        f"{CONTROL_HZ} Hz: a control step takes {1000 / CONTROL_HZ:g} ms, {SUBSTEPS} steps of physics of "
        f"{1000 * TIMESTEP:g} ms"
    )
    tasks = [load_task(name) for name in task_names()]
    lengths = [task.max_episode_steps for task in tasks]
    assert told["length"].startswith(f"{min(lengths)} to {max(lengths)} control steps")
    assert {task.hold_steps for task in tasks} == {10} and "for 10 control steps" in told["success"]
    assert told["batch"].startswith(f"up to {SHARD_SIZE} episodes")
    assert f"{EvalOptions().deadline_s:g} s for the answer" in told["deadline"]
    assert f"{BUILD_DEADLINE_S:g} s to import" in told["deadline"]
    assert float(re.search(r"grid of (\S+)", told["actions"])[1]) == pytest.approx(GRID)
    assert f"grid of 2^{np.log2(FINE):.0f} m" in flat(PROTOCOL)
