"""A small site from fabricated entries, some of them hostile, and a reader of its pages."""

import html.parser
import json

from bimodal.benchmark.records.shard_file import slug
from bimodal.benchmark.report.pages.certificates_page import read_certificates
from bimodal.benchmark.suites import SUITES
from bimodal.leaderboard.entry import entry_from_run, write_entry
from bimodal.leaderboard.entry_model import Entry
from bimodal.leaderboard.files import entry_id
from bimodal.leaderboard.folders import read_folders
from bimodal.leaderboard.site.build import build_site
from fabricated import run_folder
from fabricated_entries import DUMBBELL, IDLE, MIXED, POST, make

SHIFTED = SUITES["smoke"].variants[1]
SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(2)>"
NAMELESS = '"><script>alert(4)</script>'
"""A name that no entry may have; should one slip through, the pages still escape it."""
CERTIFICATE = f"""## {DUMBBELL}

Fingerprint `{"0" * 16}`, measured in 50 s.

| gate | check | measured | value | asked for |  |
| --- | --- | --- | --- | --- | --- |
| 1 Experts | left bar | successes \\| all | 20/20 | >= 98 % | passed |
| 2 Average | average | successes | 3/20 | <= 2 % | **failed** |
"""
CAUSE = {"task": DUMBBELL, "variant": "clean", "seed": 12, "finding": "cause", "causes": ["timing"]}
SYMPTOM = {"label": "COLLISION_MID", "mode": "", "alpha": 0.5, "steps": 40, "switches": 0, "tried": []}


def sound(folder):
    """The entries of a folder, of which none is left out."""
    found = read_folders([folder])
    assert not found.left_out
    return found.entries


def make_run(folder):
    """A run with videos, a still, a cause, and a contract card."""
    run = run_folder(folder, {DUMBBELL: MIXED, POST: [*MIXED[:15], IDLE]}, run_id="ab")
    (run / "videos").mkdir()
    for name in ("0-a.mp4", "0-a.jpg", "12-b.mp4", f"{slug(SHIFTED)}-0-c.mp4", f"{slug(SHIFTED)}-14-d.mp4"):
        (run / "videos" / f"{DUMBBELL}-{name}").write_bytes(name.encode())
    causes = {
        "schema_version": 1,
        "run_id": "ab",
        "policy": "flow",
        "reruns": 8,
        "failures": 1,
        "wall_s": 1.0,
    }
    (run / "causes.json").write_text(json.dumps(causes | {"episodes": [CAUSE | SYMPTOM]}))
    card = {"known": {"horizon": "8 actions"}, "stated": {"rejection_criterion": SCRIPT}}
    (run / "card.json").write_text(json.dumps({"schema_version": 1, **card}))
    return run


def make_site(folder):
    """Build a site of four policies, two of them hostile, with one run, one picture and one certificate."""
    flow = make_run(folder / "flow")
    hostile = make(folder, "hostile", 3).plain()
    hostile["policy"]["description"] = SCRIPT
    hostile["policy"]["uri"] = "a; rm -rf '\"><b>.py:B"
    hostile["policy"]["artifacts"] = {"a; rm -rf '\"><b>.py": "ab" * 32}
    hostile["training"] = {"<i>": {"</dd><script>": "javascript:alert(3)"}}
    hostile["entry_id"] = entry_id(hostile)
    expert = make(folder, "expert", 16, track="privileged")
    for entry in (entry_from_run(flow), Entry.model_validate(hostile), expert):
        write_entry(entry, folder / "entries")
    nameless = make(folder, "nameless", 9)
    nameless = nameless.model_copy(update={"policy": nameless.policy.model_copy(update={"name": NAMELESS})})
    pictures = [folder / "two grasps & a miss.png", folder / f"{DUMBBELL}.jpg"]
    for picture in pictures:
        picture.write_bytes(b"picture")
    entries = [*sound(folder / "entries"), nameless]
    return build_site(entries, folder / "site", [flow], pictures, read_certificates(CERTIFICATE))


class Page(html.parser.HTMLParser):
    """Collects tags, addresses and text of a page, and checks that its tags are balanced."""

    VOID = frozenset(("meta", "img", "br", "rect", "path", "link", "wbr"))

    def __init__(self, text):
        super().__init__()
        self.tags, self.addresses, self.ids, self.open, self.text = [], [], [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)
        for name, value in attributes:
            assert not name.startswith("on"), f"<{tag} {name}>"
            if name in ("href", "src", "poster") and tag != "link":
                self.addresses.append(value)
            if name == "id":
                self.ids.append(value)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    def named(self, tag):
        """The attributes of all tags of a kind."""
        return [attributes for name, attributes in self.tags if name == tag]
