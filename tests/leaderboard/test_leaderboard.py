"""Entries, their check, the board and the site, from fabricated runs whose numbers are known by hand."""

import csv
import html.parser
import json
import os
import re
from urllib.parse import unquote

import jsonschema
import pytest
from bimodal.benchmark.statistics import wilson
from bimodal.benchmark.suites import SUITES
from bimodal.envs.errors import BimodalError, NotComparable, WrongUse
from bimodal.leaderboard.board import board_rows, macro_difference
from bimodal.leaderboard.board_table import board_table, board_tables
from bimodal.leaderboard.check import check_entry
from bimodal.leaderboard.entry import entry_from_run, read_entries, read_entry, write_entry
from bimodal.leaderboard.entry_model import Entry
from bimodal.leaderboard.files import SCHEMA, entry_id, pretty, read_unchecked, schema_text
from bimodal.leaderboard.site import build_site
from bimodal.tasks.core.outcomes import OUTCOMES
from fabricated import outcome, run_folder
from rich.console import Console

ENTRIES = SCHEMA.parent / "entries"

DUMBBELL, POST = SUITES["smoke"].tasks
WIN_LEFT, WIN_RIGHT = outcome("SUCCESS", 0, 0.01, 80), outcome("SUCCESS", 1, 0.98, 90)
MIDDLE, LATE, IDLE = (
    outcome("COLLISION_MID", -1, 0.5, 40),
    outcome("TIMEOUT", 0, 0.02, 160),
    outcome("NO_ATTEMPT"),
)
MIXED = [WIN_LEFT] * 8 + [WIN_RIGHT] * 4 + [MIDDLE] * 3 + [LATE]


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """The entry of 12/16 successes on one task and 0/16 on the other."""
    folder = tmp_path_factory.mktemp("run")
    return entry_from_run(run_folder(folder, {DUMBBELL: MIXED, POST: [IDLE] * 16}))


@pytest.fixture
def entry(sound):
    """The same as JSON, to be forged."""
    return sound.plain()


def make(tmp_path, policy, wins, **options):
    """Return the entry of a policy that wins on the first `wins` seeds of both tasks and averages after."""
    episodes = ([WIN_LEFT, WIN_RIGHT] * 8)[:wins] + [MIDDLE] * (16 - wins)
    return entry_from_run(
        run_folder(tmp_path / policy, {DUMBBELL: episodes, POST: episodes}, policy, **options)
    )


# ------------------------------------------------------------------------------------------ making


@pytest.mark.parametrize("policy", ["safe(flow)", "safe(safe(Mine))"])
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
    assert dumbbell.steps_mean == (8 * 80 + 4 * 90 + 3 * 40 + 160) / 16
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
    assert set(block["properties"]["labels"]["items"]["enum"]) == set(OUTCOMES)


def test_every_field_of_the_schema_is_described():
    schema = json.loads(schema_text())
    records = {"Entry": schema} | schema["$defs"]
    found = [
        (f"{name}.{key}", f) for name, record in records.items() for key, f in record["properties"].items()
    ]
    assert len(found) > 50
    assert [path for path, field in found if not field.get("description")] == []


# ---------------------------------------------------------------------------------------- checking


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


def drop(*path):
    def change(entry):
        for part in path[:-1]:
            entry = entry[part]
        del entry[path[-1]]

    return change


def forget_seed(entry):
    for name in ("seeds", "labels", "modes", "steps", "digests"):
        del entry["episodes"][0][name][3]


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
    "a seed left out": (forget_seed, "1 seeds are missing, such as 3"),
    "a seed twice": (edit("episodes", 0, "seeds", 4, to=3), "1 seeds are there twice or more, such as 3"),
    "a foreign seed": (edit("episodes", 0, "seeds", 15, to=99), "not in the suite's panel, such as 99"),
    "seeds shuffled": (edit("episodes", 0, "seeds", to=lambda seeds: seeds[::-1]), "ascending"),
    "a list too short": (edit("episodes", 0, "digests", to=lambda old: old[:-1]), "15 digests for 16 seeds"),
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
    "a truth for a seed": (edit("episodes", 0, "seeds", 1, to=True), "True is not of type integer"),
    "text for a rate": (edit("results", 0, "success", to="0.75"), "0.75 is not of type number"),
    "a script for a name": (
        edit("policy", "name", to="<script>alert(1)</script>"),
        "breaks the rule pattern",
    ),
    "a terminal escape": (edit("policy", "description", to="\x1b[2J"), "policy.description"),
    "reversed text": (edit("policy", "description", to="safe\u202egnp.exe"), "policy.description"),
    "a broken character": (edit("training", to={"note": "\ud800"}), "broken character"),
    "an id that is no id": (edit("entry_id", to="mine"), "entry_id: mine breaks the rule pattern"),
    "an anonymous mark": (edit("verification", "level", to="replayed"), "`replayed` needs who"),
    "a list for a task": (edit("results", 0, "task", to=["x"]), "results.0.task"),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_check_finds(name, entry):
    change, expected = FORGERIES[name]
    change(entry)
    problems = check_entry(entry)
    assert any(expected in problem for problem in problems), problems
    assert all(problem.isprintable() and len(problem) < 500 for problem in problems)


def test_a_forger_who_mends_the_id_is_still_found(entry):
    entry["results"][0]["successes"] = 16
    entry["entry_id"] = entry_id(entry)
    assert len(check_entry(entry)) == 1


def test_every_problem_is_reported_at_once(entry):
    for name in ("a seed left out", "a better macro", "an unknown track", "an anonymous mark"):
        FORGERIES[name][0](entry)
    text = "\n".join(check_entry(entry))
    for part in ("seeds are missing", "success_macro", "oracle", "`replayed`", "entry_id"):
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


def test_writing_replaces_the_same_policy_and_refuses_another(entry, tmp_path):
    path = write(entry, tmp_path)
    entry["provenance"]["wall_s"] = 1.0
    entry["entry_id"] = entry_id(entry)
    assert write(entry, tmp_path) == path
    kept = path.read_bytes()
    entry["policy"]["uri"] = "elsewhere.py:Flow"
    entry["entry_id"] = entry_id(entry)
    with pytest.raises(BimodalError, match="another policy's entry"):
        write(entry, tmp_path)
    assert path.read_bytes() == kept
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_writing_refuses_what_is_unsound(entry, tmp_path):
    entry["results"][0]["successes"] = 16
    with pytest.raises(BimodalError, match="unsound"):
        write(entry, tmp_path)
    assert list(tmp_path.iterdir()) == []


# ------------------------------------------------------------------------------------------- board


def test_macro_difference_is_paired_by_seed(tmp_path):
    a, b = make(tmp_path, "a", 12), make(tmp_path, "b", 8)
    assert macro_difference(a, b).estimate == pytest.approx(0.25)
    assert macro_difference(a, b).low == pytest.approx(-macro_difference(b, a).high)


def test_policies_that_the_seeds_cannot_tell_apart_share_a_rank(tmp_path):
    entries = [make(tmp_path, name, wins) for name, wins in (("low", 2), ("best", 15), ("second", 14))]
    rows = board_rows(entries)[0].rows
    assert [(row.policy, row.rank) for row in rows] == [("best", 1), ("second", 1), ("low", 3)]


def test_tracks_are_ranked_apart(tmp_path):
    entries = [make(tmp_path, "expert", 16, track="privileged"), make(tmp_path, "mse", 1)]
    rows = board_rows(entries)[0].rows
    assert [(row.policy, row.rank) for row in rows] == [("mse", 1), ("expert", 1)]


def test_suites_never_share_a_table(tmp_path):
    one, other = make(tmp_path, "a", 12), changed(make(tmp_path, "b", 8), edit("suite", "hash", to="0" * 16))
    assert len(board_rows([one, other])) == len(board_tables([one, other])) == 2
    with pytest.raises(NotComparable, match="these entries are of 2"):
        board_table([one, other])
    borrowed = changed(one, edit("suite", "seeds", "count", to=8))
    assert len(board_rows([one, borrowed])) == 2


@pytest.mark.parametrize("width", [100, 140])
def test_table_shows_every_number_without_cuts_or_colour(tmp_path, width):
    entries = [make(tmp_path, "mse_labelled", 16), make(tmp_path, "expert", 16, track="privileged")]
    console = Console(width=width, color_system=None, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    console.print(board_table(entries))
    text = console.export_text()
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width
    for part in ("mse_labelled", "privileged", "100.0", "[80,100]", "reported", "Dumbbell", "1.5"):
        assert part in text


def test_names_are_never_markup_in_the_terminal(sound):
    hostile = sound.model_copy(update={"policy": sound.policy.model_copy(update={"name": "[red]bold[/red]"})})
    console = Console(width=120, color_system=None, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    console.print(board_table([hostile]))
    assert "[red]" in console.export_text()


# -------------------------------------------------------------------------------------------- site


class Page(html.parser.HTMLParser):
    """Collects tags, addresses and text of a page, and checks that its tags are balanced."""

    VOID = frozenset(("meta", "img", "br", "rect", "path"))

    def __init__(self, text):
        super().__init__()
        self.tags, self.addresses, self.ids, self.open, self.text = [], [], set(), [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)
        for name, value in attributes:
            assert not name.startswith("on"), f"<{tag} {name}>"
            if name in ("href", "src", "poster"):
                self.addresses.append(value)
            if name == "id":
                self.ids.add(value)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture
def site(tmp_path):
    """A site of two policies, one of them hostile, with one run, one video, one still and one picture."""
    flow = run_folder(tmp_path / "flow", {DUMBBELL: MIXED, POST: MIXED})
    (flow / "videos").mkdir()
    (flow / "videos" / f"{DUMBBELL}-0-a.mp4").write_bytes(b"video")
    (flow / "videos" / f"{DUMBBELL}-0-a.jpg").write_bytes(b"still")
    (flow / "videos" / f"{DUMBBELL}-12-b.mp4").write_bytes(b"video")
    picture = tmp_path / "two grasps & a miss.png"
    picture.write_bytes(b"picture")
    hostile = make(tmp_path, "hostile", 3).plain()
    hostile["policy"]["description"] = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    hostile["policy"]["uri"] = "a.py:B; rm -rf '\"><b>"
    hostile["training"] = {"<i>": {"</dd><script>": "javascript:alert(3)"}}
    hostile["entry_id"] = entry_id(hostile)
    for entry in (entry_from_run(flow), Entry.model_validate(hostile)):
        write_entry(entry, tmp_path / "entries")
    return build_site(tmp_path / "entries", tmp_path / "site", runs=[flow], pictures=[picture])


def test_site_links_only_to_what_it_holds(site):
    page = Page(site.read_text())
    assert len(page.addresses) > 10
    for address in page.addresses:
        if address.startswith("#"):
            assert address[1:] in page.ids
        else:
            assert re.match(r"[a-z]+:", address) is None, address
            assert (site.parent / unquote(address)).is_file(), address


def test_site_escapes_what_entries_say(site):
    text = site.read_text()
    page = Page(text)
    assert page.tags.count("script") == 1
    assert page.tags.count("img") == 1
    assert "i" not in page.tags
    assert "<script>alert(1)</script>" in "".join(page.text)
    assert "bimodal evaluate 'a.py:B; rm -rf '\"'\"'\"><b>' --suite smoke" in "".join(page.text)


def test_site_runs_no_script_but_its_own(site):
    text = site.read_text()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1]
    assert "default-src 'none'" in policy
    assert re.search(r"script-src 'sha256-[A-Za-z0-9+/=]{44}';", policy)
    assert "http:" not in text.replace("http-equiv", "")
    assert "https:" not in text


def test_site_shows_videos_by_verdict_from_the_records(site):
    text = "".join(Page(site.read_text()).text)
    assert "flow · SUCCESS, left bar · seed 0" in text
    assert "flow · COLLISION_MID · seed 12" in text
    assert (site.parent / "runs" / "smoke-flow" / "videos" / f"{DUMBBELL}-0-a.jpg").read_bytes() == b"still"


def test_site_leaves_the_runs_as_they_are(site, tmp_path):
    assert sorted(file.name for file in (tmp_path / "flow").iterdir()) == [
        "episodes.parquet",
        "run.json",
        "videos",
    ]
    assert "Where the hand acted" in (site.parent / "runs" / "smoke-flow" / "report.html").read_text()


def test_site_gives_programs_the_same_rows(site):
    rows = json.loads((site.parent / "board.json").read_text())[0]["rows"]
    assert [row["policy"] for row in rows] == ["flow", "hostile"]
    assert rows[0]["success"]["estimate"] == 0.75
    with (site.parent / "board.csv").open() as file:
        table = list(csv.DictReader(file))
    assert len(table) == 4 * len(SUITES["smoke"].variants)
    assert (table[0]["policy"], table[0]["task"], table[0]["successes"]) == ("flow", DUMBBELL, "12")
    assert float(table[0]["success_low95"]) == pytest.approx(wilson(12, 16)[0], abs=1e-6)


def test_site_copies_entries_unchanged(site):
    for entry in read_entries(site.parent / "entries"):
        assert check_entry(entry.plain()) == []


def test_site_is_rebuilt_in_place_and_is_the_same(site, tmp_path):
    before = site.read_bytes()
    (site.parent / "entries" / "old.json").write_text("{}")
    build_site(
        tmp_path / "entries", site.parent, runs=[tmp_path / "flow"], pictures=[next(tmp_path.glob("*.png"))]
    )
    assert site.read_bytes() == before
    assert not (site.parent / "entries" / "old.json").exists()


def test_site_never_replaces_another_folder(site, tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis.txt").write_text("mine")
    with pytest.raises(WrongUse, match="neither empty nor an earlier site"):
        build_site(tmp_path / "entries", tmp_path / "precious")
    assert (tmp_path / "precious" / "thesis.txt").read_text() == "mine"


def test_site_refuses_an_unsound_entry_by_name(entry, tmp_path):
    entry["results"][0]["successes"] = 16
    (tmp_path / "bad.json").write_text(json.dumps(entry))
    with pytest.raises(BimodalError, match=r"bad\.json is unsound: .*successes is 16"):
        build_site(tmp_path, tmp_path / "site")


def test_site_without_entries_still_explains_itself(tmp_path):
    (tmp_path / "none").mkdir()
    text = build_site(tmp_path / "none", tmp_path / "site").read_text()
    assert "There are no entries yet" in text
    assert "It does not prove" in text
