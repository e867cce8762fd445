"""The board and the site, from fabricated entries whose numbers are known by hand."""

import csv
import html.parser
import json
import re
from urllib.parse import unquote

import pytest
from bimodal.benchmark.records.shard_file import slug
from bimodal.benchmark.statistics.rates import clopper_pearson
from bimodal.benchmark.suites import SUITES
from bimodal.envs.errors import NotComparable, WrongUse
from bimodal.leaderboard.board import board_rows
from bimodal.leaderboard.board_table import board_table, board_tables
from bimodal.leaderboard.entry import entry_from_run, write_entry
from bimodal.leaderboard.entry_model import Entry
from bimodal.leaderboard.files import entry_id
from bimodal.leaderboard.folders import read_folders
from bimodal.leaderboard.site import build_site
from fabricated import run_folder
from fabricated_entries import (
    DUMBBELL,
    IDLE,
    MIXED,
    POST,
    changed,
    edit,
    make,
)
from rich.console import Console

SHIFTED = SUITES["smoke"].variants[1]

# ------------------------------------------------------------------------------------------- board


def test_policies_that_the_seeds_cannot_tell_apart_share_a_rank(tmp_path):
    entries = [make(tmp_path, name, wins) for name, wins in (("low", 2), ("best", 15), ("second", 14))]
    rows = board_rows(entries)[0].rows
    assert [(row.policy, row.rank) for row in rows] == [("best", 1), ("second", 1), ("low", 3)]


def test_who_is_told_the_mode_or_reads_the_simulator_has_no_rank_and_stands_apart(tmp_path):
    entries = [make(tmp_path, "expert", 16, track="privileged"), make(tmp_path, "mse", 1)]
    oracle = make(tmp_path, "mse_labelled", 16)
    rows = board_rows([oracle, *entries])[0].rows
    assert [(row.policy, row.track, row.rank) for row in rows] == [
        ("mse", "state", 1),
        ("mse_labelled", "oracle", None),
        ("expert", "privileged", None),
    ]


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
    for part in ("mse_labelled", "privileged", "100.0", "[79,100]", "reported", "Dumbbell", "1.5"):
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


def sound(folder):
    """The entries of a folder, of which none is left out."""
    found = read_folders([folder])
    assert not found.left_out
    return found.entries


@pytest.fixture
def site(tmp_path):
    """A site of two policies, one of them hostile, with one run, one video, one still and one picture."""
    flow = run_folder(tmp_path / "flow", {DUMBBELL: MIXED, POST: [*MIXED[:15], IDLE]})
    (flow / "videos").mkdir()
    (flow / "videos" / f"{DUMBBELL}-0-a.mp4").write_bytes(b"video")
    (flow / "videos" / f"{DUMBBELL}-0-a.jpg").write_bytes(b"still")
    (flow / "videos" / f"{DUMBBELL}-12-b.mp4").write_bytes(b"video")
    (flow / "videos" / f"{DUMBBELL}-{slug(SHIFTED)}-0-c.mp4").write_bytes(b"video")
    (flow / "videos" / f"{DUMBBELL}-{slug(SHIFTED)}-14-d.mp4").write_bytes(b"video")
    picture = tmp_path / "two grasps & a miss.png"
    picture.write_bytes(b"picture")
    hostile = make(tmp_path, "hostile", 3).plain()
    hostile["policy"]["description"] = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    hostile["policy"]["uri"] = "a; rm -rf '\"><b>.py:B"
    hostile["policy"]["artifacts"] = {"a; rm -rf '\"><b>.py": "ab" * 32}
    hostile["training"] = {"<i>": {"</dd><script>": "javascript:alert(3)"}}
    hostile["entry_id"] = entry_id(hostile)
    for entry in (entry_from_run(flow), Entry.model_validate(hostile)):
        write_entry(entry, tmp_path / "entries")
    return build_site(sound(tmp_path / "entries"), tmp_path / "site", runs=[flow], pictures=[picture])


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
    assert "bimodal evaluate 'a; rm -rf '\"'\"'\"><b>.py:B' --suite smoke" in "".join(page.text)


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
    shifted = re.findall(r"flow · [^<\n]* · " + re.escape(SHIFTED), text)
    assert shifted == [f"flow · SUCCESS, left bar · seed 0 · {SHIFTED}"], "one of a variant, named"
    assert "bimodal reproduce entries/smoke-flow.json" in text and (site.parent / "entries").is_dir()
    assert (site.parent / "runs" / "smoke-flow" / "videos" / f"{DUMBBELL}-0-a.jpg").read_bytes() == b"still"


def test_site_leaves_the_runs_as_they_are(site, tmp_path):
    assert sorted(file.name for file in (tmp_path / "flow").iterdir()) == [
        "episodes.parquet",
        "run.json",
        "videos",
    ]
    assert "Where the hand acted" in (site.parent / "runs" / "smoke-flow" / "report.html").read_text()
    assert (site.parent / "runs" / "smoke-flow" / "episodes.csv").is_file()


def test_site_gives_programs_the_same_rows(site):
    rows = json.loads((site.parent / "board.json").read_text())[0]["rows"]
    assert [row["policy"] for row in rows] == ["flow", "hostile"]
    assert rows[0]["success"]["estimate"] == 0.75
    with (site.parent / "board.csv").open() as file:
        table = list(csv.DictReader(file))
    assert len(table) == 4 * len(SUITES["smoke"].variants)
    assert (table[0]["policy"], table[0]["task"], table[0]["successes"]) == ("flow", DUMBBELL, "12")
    assert float(table[0]["success_low95"]) == pytest.approx(clopper_pearson(12, 16)[0], abs=1e-6)


def test_site_copies_entries_unchanged(site, tmp_path):
    assert len(sound(site.parent / "entries")) == 2
    for file in (site.parent / "entries").iterdir():
        assert file.read_bytes() == (tmp_path / "entries" / file.name).read_bytes()


def test_site_is_rebuilt_in_place_and_is_the_same(site, tmp_path):
    before = site.read_bytes()
    (site.parent / "entries" / "old.json").write_text("{}")
    pictures = list(tmp_path.glob("*.png"))
    build_site(sound(tmp_path / "entries"), site.parent, runs=[tmp_path / "flow"], pictures=pictures)
    assert site.read_bytes() == before
    assert not (site.parent / "entries" / "old.json").exists()


def test_site_never_replaces_another_folder(site, tmp_path):
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
    found = {
        name: json.loads(file.read_text()) for name, file in files.items() if name.startswith("entries/")
    }
    assert sorted(found) == [f"entries/smoke-my-net{more}.json" for more in ("-2", "-3", "")]
    assert {entry["policy"]["name"] for entry in found.values()} == set(names)
    assert [files[f"pictures/{name}"].read_text() for name in ("one.png", "One-2.PNG")] == [
        "one.png",
        "One.PNG",
    ]
    cards = re.findall(
        r'<h3>(.*?)</h3>.*?(entries/\S+json).*?href="(runs/\S+html)"', page.read_text(), re.DOTALL
    )
    assert len(cards) == 3
    for policy, file, report in cards:
        assert found[file]["policy"]["name"] == policy
        assert f"<h1>{policy}" in files[report].read_text()


def test_site_tells_which_part_it_makes(tmp_path):
    told = []
    run = make(tmp_path, "flow", 9) and tmp_path / "flow"
    build_site([], tmp_path / "site", runs=[run], progress=lambda *part: told.append(part))
    assert told == [(0, 3, "board"), (1, 3, "flow"), (2, 3, "page"), (3, 3, "")]


def test_site_without_entries_still_explains_itself(tmp_path):
    text = build_site([], tmp_path / "site").read_text()
    assert "There are no entries yet" in text
    assert "It does not prove" in text
