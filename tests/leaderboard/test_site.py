"""The site: every page leads only to what is there, escapes what strangers say, and reads aloud."""

import csv
import json
import re
from dataclasses import replace
from itertools import combinations, pairwise
from urllib.parse import unquote

import pytest
from bimodal.benchmark.statistics.rates import Interval, clopper_pearson
from bimodal.benchmark.suites import SUITES
from bimodal.envs.errors import WrongUse
from bimodal.leaderboard.board import board_rows
from bimodal.leaderboard.entry_model import Entry
from bimodal.leaderboard.marks import Mark
from bimodal.leaderboard.site.axes import STEEPEST, Axis, axes, axis_effect, shade
from bimodal.leaderboard.site.build import build_site
from bimodal.leaderboard.site.profiles import lanes, profiles
from fabricated_entries import DUMBBELL, POST, forge, make
from site_pages import NAMELESS, SCRIPT, SHIFTED, Page, make_site


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return make_site(tmp_path_factory.mktemp("site")).parent


@pytest.fixture(scope="module")
def pages(site):
    """Every page of the site itself by its name; reports of runs have tests of their own."""
    files = [*site.glob("*.html"), *site.glob("policies/*.html"), *site.glob("tasks/*.html")]
    return {file.relative_to(site).as_posix(): Page(file.read_text()) for file in files}


def test_there_is_a_page_for_the_board_each_policy_each_task_and_a_comparison(pages):
    policies = ["smoke-expert", "smoke-flow", "smoke-hostile", "smoke-script-alert-4-script"]
    names = ["index", "about", "compare", *(f"policies/{name}" for name in policies)]
    assert sorted(pages) == sorted(f"{name}.html" for name in [*names, f"tasks/{DUMBBELL}", f"tasks/{POST}"])


def test_every_page_leads_only_to_what_is_there(site, pages):
    known = {site / name: page for name, page in pages.items()}
    assert sum(len(page.addresses) for page in pages.values()) > 200
    for file, page in known.items():
        for address in page.addresses:
            assert re.match(r"[a-z]+:|/", address) is None, address
            path, _, place = address.partition("#")
            target = (file.parent / unquote(path)).resolve() if path else file
            assert target.is_file(), (file.name, address)
            if place and "=" not in place:
                assert place in known[target].ids, (file.name, address)


def test_every_page_escapes_what_entries_and_cards_say(pages):
    for name, page in pages.items():
        assert "i" not in {tag for tag, _ in page.tags}, name
        assert all(set(one) <= {"type", "id"} for one in page.named("script")), name
        assert all(one["src"] != "x" for one in page.named("img")), name
    told = {name: "".join(page.text) for name, page in pages.items()}
    assert SCRIPT in told["policies/smoke-hostile.html"] and SCRIPT in told["policies/smoke-flow.html"]
    command = "bimodal evaluate 'a; rm -rf '\"'\"'\"><b>.py:B' --suite smoke"
    assert command in told["policies/smoke-hostile.html"]
    for name in ("index.html", "policies/smoke-flow.html", f"tasks/{DUMBBELL}.html"):
        assert NAMELESS in told[name]
    assert NAMELESS not in told["compare.html"] and "\\u003cscript>alert(4)" in told["compare.html"]


def test_every_page_runs_no_script_but_its_own_and_loads_nothing_from_elsewhere(site, pages):
    for name, page in pages.items():
        text = (site / name).read_text()
        (policy,) = [one["content"] for one in page.named("meta") if "http-equiv" in one]
        assert policy.startswith("default-src 'none'")
        assert re.search(r"script-src ('sha256-[A-Za-z0-9+/=]{44}'|'none');", policy)
        assert not re.search(r"https?:(?!//www\.w3\.org/2000/svg)", text), name


def test_every_page_can_be_found_and_read_aloud(pages):
    titles = set()
    for name, page in pages.items():
        tags = [tag for tag, _ in page.tags]
        assert tags.count("h1") == tags.count("main") == 1 and tags[5] == "title", name
        assert len(page.ids) == len(set(page.ids)), name
        titles.add("".join(page.text)[: "".join(page.text).index("\n:root")])
        (words,) = [one["content"] for one in page.named("meta") if one.get("name") == "description"]
        assert len(words) > 60, name
        levels = [int(tag[1]) for tag in tags if re.fullmatch(r"h\d", tag)]
        assert levels[0] == 1 and all(b <= a + 1 for a, b in pairwise(levels)), name
        assert all("alt" in one for one in page.named("img")), name
        assert all(one.get("scope") for one in page.named("th")), name
        assert tags.count("table") == tags.count("caption"), name
        sortable = [one for one in page.named("table") if "sortable" in one.get("class", "")]
        assert not sortable or "button" in tags
        assert page.named("html") == [{"lang": "en"}]
        assert page.named("nav")[0]["aria-label"] == "Pages" and page.addresses[0] == "#main"
    assert len(titles) == len(pages), "every page has a title of its own"


def test_a_policys_page_has_its_card_its_causes_its_run_and_the_command_that_reproduces_it(site, pages):
    text = "".join(pages["policies/smoke-flow.html"].text)
    for words in (
        "bimodal reproduce entries/smoke-flow.json",
        "8 actions",
        "timing",
        "1 Lift Dumbbell",
        "SUCCESS, left bar · seed 0",
        "Where the hand acted",
        "8 left bar · 4 right bar",
    ):
        assert words in text, words
    assert "../runs/smoke-flow/report.html" in pages["policies/smoke-flow.html"].addresses
    rivals = re.search(r"Success of flow minus that.*?Why it failed", text, re.DOTALL)[0]
    assert "hostile" in rivals and "expert" not in rivals and "better" in rivals
    bare = "".join(pages["policies/smoke-expert.html"].text)
    assert "no rank" in bare and "Against the others" not in bare and "Where the hand acted" not in bare


def test_a_tasks_page_has_its_picture_its_certificate_and_every_policy(pages):
    page = pages[f"tasks/{DUMBBELL}.html"]
    text = "".join(page.text)
    (picture,) = page.named("img")
    assert picture["src"] == f"../pictures/{DUMBBELL}.jpg" and "left bar, right bar" in picture["alt"]
    assert "an earlier form of the task" in text and "successes | all" in text and "✗ failed" in text
    assert all(name in text for name in ("flow", "hostile", "expert", NAMELESS))
    assert "None was given to this site" in "".join(pages[f"tasks/{POST}.html"].text)
    assert "flow · COLLISION_MID · seed 12" in text
    shifted = re.findall(r"flow · [^<\n]* · " + re.escape(SHIFTED), text)
    assert shifted == [f"flow · SUCCESS, left bar · seed 0 · {SHIFTED}"], "one of a variant, named"


def test_a_picture_of_no_task_is_shown_with_its_name(pages):
    assert "two grasps & a miss" in "".join(pages["index.html"].text)


def test_the_site_leaves_the_run_as_it_is_and_copies_what_is_shown(site):
    kept = sorted(file.name for file in (site.parent / "flow").iterdir())
    assert kept == ["card.json", "causes.json", "episodes.parquet", "run.json", "videos"]
    copy = site / "runs" / "smoke-flow"
    assert (copy / "videos" / f"{DUMBBELL}-0-a.jpg").read_bytes() == b"0-a.jpg"
    assert (copy / "report.html").is_file() and (copy / "episodes.csv").is_file()
    for file in (site.parent / "entries").iterdir():
        assert file.read_bytes() == (site / "entries" / file.name).read_bytes()


def test_the_site_gives_programs_the_same_rows(site):
    rows = json.loads((site / "board.json").read_text())[0]["rows"]
    assert [row["policy"] for row in rows] == ["flow", NAMELESS, "hostile", "expert"]
    assert rows[0]["success"]["estimate"] == 0.75
    with (site / "board.csv").open() as file:
        table = list(csv.DictReader(file))
    assert len(table) == 4 * 2 * len(SUITES["smoke"].variants)
    assert (table[0]["policy"], table[0]["task"], table[0]["successes"]) == ("flow", DUMBBELL, "12")
    assert float(table[0]["success_low95"]) == pytest.approx(clopper_pearson(12, 16)[0], abs=1e-6)
    pairs = json.loads((site / "pairs.json").read_text())
    assert [(pair["a"], pair["b"]) for pair in pairs] == [
        ("flow", NAMELESS),
        ("flow", "hostile"),
        (NAMELESS, "hostile"),
    ]


def test_a_site_is_rebuilt_in_place_and_is_the_same(tmp_path):
    entries = [make(tmp_path, "flow", 9)]
    page = build_site(entries, tmp_path / "site")
    before = {file: file.read_bytes() for file in page.parent.rglob("*.*")}
    for stale in ("entries/old.json", "policies/old.html", "tasks/Old-v1.html"):
        (page.parent / stale).write_text("{}")
    build_site(entries, page.parent)
    assert {file: file.read_bytes() for file in page.parent.rglob("*.*")} == before


def test_the_site_never_replaces_another_folder(tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis.txt").write_text("mine")
    with pytest.raises(WrongUse, match="neither empty nor an earlier site"):
        build_site([], tmp_path / "precious")
    assert (tmp_path / "precious" / "thesis.txt").read_text() == "mine"


def test_names_that_a_file_system_takes_for_one_have_files_of_their_own(tmp_path):
    names = {"my_net": 3, "MY-NET": 9, "my net": 14}
    entries = [make(tmp_path / str(wins), name, wins) for name, wins in names.items()]
    runs = [tmp_path / str(wins) / name for name, wins in names.items()]
    pictures = [tmp_path / folder / name for folder, name in (("a", "one.png"), ("b", "One.PNG"))]
    for picture in pictures:
        picture.parent.mkdir()
        picture.write_text(picture.name)
    page = build_site(entries, tmp_path / "site", runs=runs, pictures=pictures)
    files = {file.relative_to(page.parent).as_posix(): file for file in page.parent.rglob("*.*")}
    assert len({name.casefold() for name in files}) == len(files)
    assert [files[f"pictures/{name}"].read_text() for name in ("one.png", "One-2.PNG")] == [
        "one.png",
        "One.PNG",
    ]
    stems = [f"smoke-my-net{more}" for more in ("", "-2", "-3")]
    owners = [json.loads(files[f"entries/{stem}.json"].read_text())["policy"]["name"] for stem in stems]
    assert sorted(owners) == sorted(names)
    for stem, owner in zip(stems, owners, strict=True):
        shown = files[f"policies/{stem}.html"].read_text()
        assert f"<h1>{owner}</h1>" in shown and f"reproduce entries/{stem}.json" in shown
        (report,) = set(re.findall(r"runs/\S+?/report\.html", shown))
        assert f"<h1>{owner}" in files[report].read_text()


def test_what_was_superseded_or_withdrawn_has_no_page_but_stays_on_record(tmp_path, monkeypatch):
    first, false = make(tmp_path, "flow", 9), make(tmp_path, "false", 16)
    later = first.model_copy(update={"attempt": 2, "supersedes": first.entry_id, "entry_id": "ab" * 32})
    half = dict.fromkeys(first.suite.tasks, 0.5)
    mark = Mark(level="replayed", by="A <b>", date="2026-11-29", found="as claimed", progress=half)
    gone = mark.model_copy(update={"withdrawn": "made with <i>the test</i> seeds"})
    for module in ("board", "site.build"):
        marks = {later.entry_id: mark, false.entry_id: gone}
        monkeypatch.setattr(f"bimodal.leaderboard.{module}.known_marks", lambda marks=marks: marks)
    page = build_site([first, false, later], tmp_path / "site")
    assert [file.name for file in (page.parent / "policies").iterdir()] == ["smoke-flow.html"]
    shown = (page.parent / "policies" / "smoke-flow.html").read_text()
    assert (
        'href="../entries/smoke-flow-2.json"' in shown
        and "by A &lt;b&gt; on 2026-11-29: as claimed; mean progress 50 %<" in shown
    )
    ids = {file.stem: json.loads(file.read_text())["entry_id"] for file in page.parent.glob("entries/*")}
    kept = {"smoke-flow": later, "smoke-flow-2": first, "smoke-false": false}
    assert ids == {stem: entry.entry_id for stem, entry in kept.items()}
    text = "".join(Page(page.read_text()).text)
    assert "made with <i>the test</i> seeds (A <b>, 2026-11-29)" in text


def test_the_site_tells_which_part_it_makes(tmp_path):
    told = []
    run = make(tmp_path, "flow", 9) and tmp_path / "flow"
    build_site([], tmp_path / "site", runs=[run], progress=lambda *part: told.append(part))
    assert told == [(0, 3, "board"), (1, 3, "flow"), (2, 3, "pages"), (3, 3, "")]


def test_a_site_without_entries_still_explains_itself(tmp_path):
    page = build_site([], tmp_path / "site")
    assert "There are no entries yet" in page.read_text()
    assert "It does not prove" in (page.parent / "about.html").read_text()
    assert "fewer than two entries" in (page.parent / "compare.html").read_text()


# ------------------------------------------------------------------------------------ what is computed


def test_an_axis_joins_the_levels_of_a_perturbation_and_counts_each_seed_once(tmp_path):
    plain = make(tmp_path, "flow", 12).plain()
    mild, steep = "contact.friction:1", "contact.friction:2"

    def two_levels(entry):
        blocks = {(one["task"], one["variant"]): one for one in entry["episodes"]}
        entry["episodes"] = []
        for task in (DUMBBELL, POST):
            clean = blocks[task, "clean"]
            lost = {"labels": ["COLLISION_MID"] * 6 + clean["labels"][6:], "digests": ["0" * 8] * 16}
            levels = {**clean, "variant": mild}, {**clean, "variant": steep, **lost}
            entry["episodes"] += [{**one} for one in (clean, *levels)]
        entry["suite"]["variants"] = ["clean", mild, steep]

    forge(plain, two_levels)
    (board,) = board_rows([Entry.model_validate(plain)])
    (axis,) = axes(tuple(board.suite.variants))
    assert axis == Axis("contact.friction", (mild, steep))
    both = axis_effect(axis, board.rows[0])
    one = axis_effect(Axis("contact.friction", (steep,)), board.rows[0])
    assert (both.clean, both.success, both.tasks) == (12 / 16, 9 / 16, (DUMBBELL, POST))
    assert both.difference.estimate == pytest.approx(-3 / 16) and not both.unchanged
    assert one.difference.estimate == pytest.approx(-6 / 16)
    assert both.difference.low < -3 / 16 < both.difference.high < 0
    low = (POST, steep)
    shifts = board.rows[0].shifts
    marked = tuple(replace(s, expert=0.2) if (s.task, s.variant) == low else s for s in shifts)
    fewer = axis_effect(axis, board.rows[0]._replace(shifts=marked))
    assert fewer.infeasible == (POST,) and fewer.tasks == both.tasks
    assert fewer.success == (12 / 16 + 9 / 16) / 2, "without the steep level of one task"
    drops = [
        (-0.02, -0.05, 0.01),
        (-0.02, -0.03, -0.01),
        (-0.31, -0.4, -0.2),
        (-0.9, -1, -0.8),
        (0.3, 0.2, 0.4),
    ]
    assert [shade(Interval(*drop)) for drop in drops] == [0, 1, 4, STEEPEST, 0]
    assert axis_effect(Axis("no.such", ("no.such:1",)), board.rows[0]) is None


def test_bars_of_groups_that_touch_stand_side_by_side(tmp_path):
    wins = {"p16": 16, "p13": 13, "p10": 10, "p7": 7, "p2": 2}
    (board,) = board_rows([make(tmp_path, name, n) for name, n in wins.items()])
    rows = [[i for i, row in enumerate(board.rows) if number in row.groups] for number in range(board.groups)]
    found = lanes(board)
    assert len(found) == board.groups > 1
    for (lane, some), (other, others) in combinations(zip(found, rows, strict=True), 2):
        assert lane != other or min(others) > max(some) + 1
    one = profiles(board, {row.entry.entry_id: row.policy for row in board.rows}, [], [])[0]
    assert [rival.verdict for rival in one.rivals][-1] == "better" and len(one.rivals) == 4
