"""Entries and their check, from fabricated runs whose numbers are known by hand."""

import json
import os

import jsonschema
import pytest
from bimodal.benchmark.statistics.rates import wilson
from bimodal.benchmark.suites import SUITES
from bimodal.envs.errors import BimodalError
from bimodal.leaderboard.check import check_entry
from bimodal.leaderboard.entry import entry_from_run, read_entry, write_entry
from bimodal.leaderboard.entry_model import Entry
from bimodal.leaderboard.files import SCHEMA, entry_id, pretty, read_unchecked, schema_text
from bimodal.tasks.core.outcomes import OUTCOMES
from fabricated import run_folder
from fabricated_entries import DUMBBELL, MIXED, POST, edit, forge, make, write

ENTRIES = SCHEMA.parent / "entries"


# ------------------------------------------------------------------------------------------ making


@pytest.mark.parametrize("policy", ["safe(flow)", "safe(safe(mine))"])
def test_a_policy_behind_the_safety_filter_has_a_sound_entry(policy, tmp_path):
    assert check_entry(make(tmp_path, policy, 4).plain()) == []


def test_numbers_follow_from_the_episodes(sound):
    results = {(row.task, row.variant): row for row in sound.results}
    assert len(results) == len(sound.results) == 2 * len(SUITES["smoke"].variants)
    dumbbell, post = results[DUMBBELL, "clean"], results[POST, "clean"]
    assert (dumbbell.episodes, dumbbell.successes, dumbbell.success) == (16, 12, 0.75)
    assert dumbbell.wilson95 == pytest.approx(wilson(12, 16), abs=1e-6)
    assert dumbbell.modes == {"left bar": 8, "right bar": 4}
    assert dumbbell.minority_share == pytest.approx(1 / 3, abs=1e-6)
    assert dumbbell.averaging_failures == 3
    assert dumbbell.labels == {"SUCCESS": 12, "COLLISION_MID": 3, "TIMEOUT": 1}
    assert dumbbell.steps_mean == (8 * 80 + 4 * 90 + 3 * 40 + 100) / 16
    assert (dumbbell.latency_ms.p50, dumbbell.latency_ms.p99) == (1.5, 3.25)
    assert (post.successes, post.minority_share) == (0, None)
    assert sound.aggregate.success_macro == 0.375
    assert sound.aggregate.averaging_macro == 3 / 16 / 2
    assert sound.aggregate.minority_share_min == pytest.approx(1 / 3, abs=1e-6)


def test_a_made_entry_is_sound_and_survives_its_file(sound, tmp_path):
    assert check_entry(sound.plain()) == []
    path = write_entry(sound, tmp_path)
    assert path.name == "smoke-flow.json"
    assert read_entry(path) == sound


def test_id_covers_everything_but_itself_and_the_time_of_writing(entry):
    before = entry_id(entry)
    entry["created"], entry["entry_id"] = "2030-01-01T00:00:00Z", "f" * 64
    assert entry_id(entry) == before
    entry["provenance"]["wall_s"] += 1
    assert entry_id(entry) != before


def test_a_run_with_invalid_shards_makes_no_entry(tmp_path):
    folder = run_folder(tmp_path, {DUMBBELL: MIXED, POST: MIXED}, invalid_shards=["shard 0"])
    with pytest.raises(BimodalError, match="invalid shards"):
        entry_from_run(folder)


@pytest.mark.parametrize("path", sorted(ENTRIES.glob("*.json")), ids=lambda path: path.stem)
def test_every_published_entry_is_written_as_it_was_read(path):
    raw = read_unchecked(path)
    assert pretty(Entry.model_validate(raw).plain()).encode() == path.read_bytes()
    assert list(jsonschema.Draft202012Validator(json.loads(schema_text())).iter_errors(raw)) == []


def test_the_schema_is_the_models():
    """Renewed by `BIMODAL_WRITE_GOLDEN=1 python -m pytest tests/leaderboard`."""
    if os.environ.get("BIMODAL_WRITE_GOLDEN"):
        SCHEMA.write_text(schema_text())
    assert SCHEMA.read_text() == schema_text()


def test_schema_knows_exactly_the_outcomes():
    block = json.loads(schema_text())["$defs"]["EpisodeBlock"]
    assert set(block["properties"]["endings"]["items"]["prefixItems"][0]["enum"]) == set(OUTCOMES)


def test_every_field_of_the_schema_is_described():
    schema = json.loads(schema_text())
    records = {"Entry": schema} | schema["$defs"]
    found = [
        (f"{name}.{key}", f) for name, record in records.items() for key, f in record["properties"].items()
    ]
    assert len(found) > 50
    assert [path for path, field in found if not field.get("description")] == []


# ---------------------------------------------------------------------------------------- checking


def drop(*path):
    def change(entry):
        for part in path[:-1]:
            entry = entry[part]
        del entry[path[-1]]

    return change


def forget_seed(entry):
    for name in ("labels", "modes", "steps", "digests"):
        del entry["episodes"][0][name][3]


def in_block(name, to):
    """Return a change of how the first block is written down, whatever its episodes are."""
    change = edit("episodes", 0, name, to=to)
    change.as_written = True
    return change


FORGERIES = {
    "more successes": (edit("results", 0, "successes", to=16), "successes is 16, its episodes give 12"),
    "a better rate": (edit("results", 0, "success", to=0.9), "success is 0.9, its episodes give 0.75"),
    "a failure called success": (edit("episodes", 0, "labels", 15, to="SUCCESS"), "its episodes give 13"),
    "averaging hidden": (edit("results", 0, "averaging_failures", to=0), "averaging_failures is 0"),
    "averaging relabelled": (edit("episodes", 0, "labels", 12, to="TIMEOUT"), "its episodes give 2"),
    "a mode invented": (edit("episodes", 0, "modes", 0, to="right bar"), "modes is"),
    "an unknown mode": (edit("episodes", 0, "modes", 0, to="top bar"), "unknown mode 'top bar'"),
    "a narrower interval": (edit("results", 0, "wilson95", to=[0.74, 0.76]), "wilson95 is [0.74, 0.76]"),
    "a fairer split": (edit("results", 0, "minority_share", to=0.5), "minority_share is 0.5"),
    "a minority without success": (edit("results", 1, "minority_share", to=0.5), "minority_share is 0.5"),
    "a better macro": (
        edit("aggregate", "success_macro", to=0.5),
        "success_macro is 0.5, its episodes give 0.375",
    ),
    "a better aggregate": (edit("aggregate", "minority_share_min", to=None), "minority_share_min is None"),
    "shorter episodes": (edit("results", 0, "steps_mean", to=1.0), "steps_mean is 1.0"),
    "a foreign id": (edit("entry_id", to="0" * 64), "entry_id: is 000"),
    "changed training": (edit("training", "demonstrations", to=1), "entry_id"),
    "an episode left out": (forget_seed, "there are 15 from seed 0, the suite has 16 from seed 0"),
    "foreign seeds": (
        edit("episodes", 0, "first_seed", to=99),
        "16 from seed 99, the suite has 16 from seed 0",
    ),
    "a list too short": (
        edit("episodes", 0, "digests", to=lambda old: old[:-1]),
        "15 digests for 16 episodes",
    ),
    "an ending that is none": (in_block("ended", lambda old: [7, *old[1:]]), "does not name each of the"),
    "an ending below none": (in_block("ended", lambda old: [-1, *old[1:]]), "-1 breaks the rule minimum 0"),
    "an ending twice": (in_block("endings", lambda old: [*old, old[0]]), "holds an element twice"),
    "half a digest": (in_block("digests", lambda old: old[:-1]), "digests: "),
    "clean twins made up": (
        edit("results", 1, "clean_successes", to=3),
        "clean_successes is 3, its episodes give 12",
    ),
    "a task left out": (drop("episodes", 3), f"episodes: {POST} (clean) is there 0 times"),
    "a result twice": (edit("results", 3, to=lambda old: old | {"task": DUMBBELL}), "is there 2 times"),
    "no clean arm": (edit("suite", "variants", to=lambda old: old[1:]), "suite: variants is"),
    "an easier panel": (edit("suite", "seeds", "count", to=8), "suite: seeds is"),
    "a borrowed name": (edit("suite", "name", to="core"), "suite: tasks is"),
    "an unknown suite": (edit("suite", "name", to="mine"), "'mine' is not a whole suite"),
    "another hash": (edit("suite", "hash", to="0" * 16), "suite: hash is 0000000000000000"),
    "an unknown field": (edit("policy", "stars", to=5), "'stars' was unexpected"),
    "a field left out": (drop("policy", "track"), "'track' is a required property"),
    "an unknown label": (edit("episodes", 0, "labels", 0, to="GREAT"), "GREAT is not one of"),
    "an unknown track": (edit("policy", "track", to="oracle"), "oracle is not one of"),
    "a rate above one": (edit("results", 0, "success", to=75), "75 breaks the rule maximum 1"),
    "a huge number": (edit("provenance", "wall_s", to=10**400), "breaks the rule maximum"),
    "a huge free number": (edit("training", to={"steps": 10**5000}), "not finite"),
    "not a number": (edit("training", to={"loss": float("nan")}), "not finite"),
    "infinity": (edit("provenance", "wall_s", to=float("inf")), "inf breaks the rule maximum"),
    "a truth for a seed": (edit("episodes", 0, "first_seed", to=True), "True is not of type integer"),
    "an author without end": (edit("authors", to=["x" * 101]), "authors.0"),
    "a licence in words": (edit("licence", to="MIT License"), "no SPDX name of a licence, such as MIT"),
    "a trace elsewhere": (
        edit("trace", to={"sha256": "ab" * 32, "bytes": 5, "url": "file:///etc/passwd"}),
        "trace.url",
    ),
    "text for a rate": (edit("results", 0, "success", to="0.75"), "0.75 is not of type number"),
    "a script for a name": (
        edit("policy", "name", to="<script>alert(1)</script>"),
        "breaks the rule pattern",
    ),
    "a terminal escape": (edit("policy", "description", to="\x1b[2J"), "policy.description"),
    "reversed text": (edit("policy", "description", to="safe\u202egnp.exe"), "policy.description"),
    "a broken character": (edit("training", to={"note": "\ud800"}), "broken character"),
    "an id that is no id": (edit("entry_id", to="mine"), "entry_id: mine breaks the rule pattern"),
    "a mark of its own": (edit("verification", to={"level": "replayed"}), "'verification' was unexpected"),
    "a list for a task": (edit("results", 0, "task", to=["x"]), "results.0.task"),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_check_finds(name, entry):
    change, expected = FORGERIES[name]
    if hasattr(change, "as_written"):
        change(entry)
    else:
        forge(entry, change)
    problems = check_entry(entry)
    assert any(expected in problem for problem in problems), problems
    assert all(problem.isprintable() and len(problem) < 500 for problem in problems)


def test_a_forger_who_mends_the_id_is_still_found(entry):
    entry["results"][0]["successes"] = 16
    entry["entry_id"] = entry_id(entry)
    assert len(check_entry(entry)) == 1


def test_every_problem_is_reported_at_once(entry):
    for name in ("foreign seeds", "a better macro", "an unknown track", "a mark of its own"):
        FORGERIES[name][0](entry)
    text = "\n".join(check_entry(entry))
    for part in ("from seed 99", "success_macro", "oracle", "was unexpected", "entry_id"):
        assert part in text


@pytest.mark.parametrize("rubbish", [{}, [], None, "x", {"suite": 3, "episodes": {}, "results": [1]}])
def test_rubbish_is_a_list_of_problems_not_a_crash(rubbish):
    assert check_entry(rubbish)


def test_nesting_without_end_is_a_problem_not_a_crash(entry):
    for _ in range(100_000):
        entry["training"] = {"a": entry["training"]}
    assert any("nesting" in problem for problem in check_entry(entry))
    while entry["training"].get("a"):
        entry["training"] = entry["training"]["a"]


# --------------------------------------------------------------------------------- reading, writing


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'{"a": NaN}', "NaN is not a number"),
        (b'{"a": -Infinity}', "-Infinity is not a number"),
        (b'{"a": 1, "a": 2}', "occurs twice"),
        (b"[1, 2]", "top level must be an object"),
        (b"{", "not strict JSON"),
        (b"\xff\xfe\x00\x80", "not strict JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not strict JSON"),
        (b"[" * 200_000, "nested too deep"),
        (b" " * 5_000_001, "larger than 5 MB"),
    ],
)
def test_reading_is_bounded_and_strict(tmp_path, content, expected):
    path = tmp_path / "entry.json"
    path.write_bytes(content)
    with pytest.raises(BimodalError, match=expected) as caught:
        read_unchecked(path)
    assert "\n" not in str(caught.value)


def test_reading_what_is_not_there_says_so(tmp_path):
    with pytest.raises(BimodalError, match="cannot read"):
        read_unchecked(tmp_path / "none.json")


def test_lists_are_written_on_one_line_without_touching_text(entry, tmp_path):
    entry["policy"]["description"] = "odd [ 1,   2 ] text"
    entry["entry_id"] = entry_id(entry)
    path = write(entry, tmp_path)
    assert read_unchecked(path) == entry
    assert len(path.read_text().splitlines()) < 400


def test_writing_replaces_the_same_policy_and_refuses_another(tmp_path):
    entry = make(tmp_path, "mine", 4).plain()
    folder = tmp_path / "entries"
    path = write(entry, folder)
    entry["provenance"]["wall_s"] = 1.0
    entry["entry_id"] = entry_id(entry)
    assert write(entry, folder) == path
    kept = path.read_bytes()
    entry["policy"]["uri"] = "elsewhere.py:Flow"
    entry["policy"]["artifacts"] = {"elsewhere.py": "ab" * 32}
    entry["entry_id"] = entry_id(entry)
    with pytest.raises(BimodalError, match="another policy's entry"):
        write(entry, folder)
    assert path.read_bytes() == kept
    assert [file.name for file in folder.iterdir()] == [path.name]


def test_writing_refuses_what_is_unsound(entry, tmp_path):
    entry["results"][0]["successes"] = 16
    with pytest.raises(BimodalError, match="unsound"):
        write(entry, tmp_path)
    assert list(tmp_path.iterdir()) == []
