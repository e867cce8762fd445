"""The page of the doses: it shows the limit, what is felt, what nobody feels, and what was not measured."""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from bimodal.benchmark.report.pages.markdown import table_rows
from bimodal.benchmark.studies.dose_findings import choices
from bimodal.benchmark.studies.dose_limits import Limit
from bimodal.benchmark.studies.doses import METHODS, TASKS, Curve, Doses
from bimodal.benchmark.suites import SUITES
from bimodal.cli.doses import doses_page, doses_rows, suite_list, write_doses
from bimodal.envs.perturbations.core.magnitudes import Part, part_at
from bimodal.envs.perturbations.core.registry import perturbations
from bimodal.envs.perturbations.core.variant import CLEAN, COMBO

SVG = "{http://www.w3.org/2000/svg}"
EVERY = np.ones(50, bool)
NONE = ~EVERY


def doses(name, ladder, borne, hits, experts):
    curves = {"flow": Curve(EVERY, dict(zip(ladder, hits, strict=True)))}
    return Doses(TASKS[0], name, Limit(ladder, borne, experts), curves)


FOUND = [
    doses("actuation.delay", (1, 2, 3, 4), 3, (EVERY, EVERY, NONE, NONE), {4: 0.2}),
    doses("contact.mass", (1.5, 2.0, 3.0), 3, (EVERY,) * 3, {3.0: 1.0}),
]


def test_a_row_has_the_experts_limit_and_the_first_magnitude_that_each_policy_feels():
    delay, mass = doses_rows(FOUND)
    assert delay == ("actuation.delay", "control steps", "1, 2, 4", "3", "3", "–", "–", "–")
    assert mass[3:] == ("all, to 3", "not felt", "–", "–", "–")


def test_the_page_says_what_nobody_feels_what_would_tell_and_what_is_missing():
    page = doses_page(FOUND)
    assert "| `contact.mass` | x | – | no policy feels it" in page
    assert "favours or blocks a mode" not in page
    bias = doses("start.bias", (0.1, 0.2, 0.3), 3, (EVERY,) * 3, {})
    assert "favours or blocks a mode (`start.bias`)" in doses_page([*FOUND, bias])
    assert "| `actuation.delay` | control steps | 3 | felt from 3 on" in page
    assert f"- {METHODS[-1]} on Lift Dumbbell: everything" in page
    flow = next(line for line in page.splitlines() if line.startswith("- flow on Lift Dumbbell"))
    assert "contact.push" in flow
    assert "contact.mass" not in flow


def test_other_policies_have_a_picture_and_a_table_of_their_own(tmp_path):
    one = FOUND[0]
    write_doses(tmp_path / "page.md", [one._replace(curves=one.curves | {"gmm": one.curves["flow"]})])
    first, other = sorted((tmp_path / "images").iterdir(), key=lambda file: len(file.name))
    assert other.name == first.name.replace(".svg", "-gmm.svg")
    panel = ElementTree.parse(other).getroot().find(f"{SVG}g")
    assert {title.text for title in panel.iter(f"{SVG}title")} == {"gmm", "experts"}
    page = (tmp_path / "page.md").read_text()
    assert f"](images/{other.name})" in page
    assert "| actuation.delay | 3 | – | – |" in page
    assert "- reflow on Lift Dumbbell: everything" in page


def test_the_picture_has_a_panel_for_each_and_the_point_of_every_magnitude(tmp_path):
    write_doses(tmp_path / "page.md", FOUND)
    (file,) = (tmp_path / "images").iterdir()
    assert f"](images/{file.name})" in (tmp_path / "page.md").read_text()
    delay, mass = ElementTree.parse(file).getroot().findall(f"{SVG}g")
    titles = {title.text for title in delay.iter(f"{SVG}title")}
    assert titles == {"flow", "experts"}
    lines = {line.find(f"{SVG}title").text: line for line in delay.findall(f"{SVG}g")}
    assert len(lines["flow"].findall(f"{SVG}path")) == 1 + len(("clean", 1, 2, 3, 4))
    assert len(lines["experts"].findall(f"{SVG}path")) == 1 + len((4,))
    assert delay.find(f"{SVG}rect") is not None  # grey from 4 on
    assert mass.find(f"{SVG}rect") is None


def test_full_plays_what_is_felt_and_the_page_says_why_or_why_not():
    found = {one.perturbation: one for one in choices(FOUND)}
    delay, mass = found["actuation.delay"], found["contact.mass"]
    assert [*map(str, delay.parts)] == ["actuation.delay=3"]  # 4 is beyond what experts bear, 2 is not felt
    assert delay.why == "felt from 3 on: flow on Lift Dumbbell; the experts bear 3"
    assert not mass.parts
    assert mass.why == "no policy feels it as far as the experts bear it: 3 on Lift Dumbbell"
    assert (
        len(found["scene.camera"].parts) == len(found["combo"].parts) == len(found["contact.push"].parts) == 3
    )
    assert found["contact.push"].why == "not measured so far"
    assert not found["language.paraphrase"].parts
    assert '    "actuation.delay": "=3",' in suite_list(FOUND).splitlines()
    assert "contact.mass" not in suite_list(FOUND)


def test_of_two_tasks_the_first_that_is_felt_and_the_farthest_that_is_borne_count():
    other = FOUND[0]._replace(task=TASKS[1], limit=Limit((1, 2, 3, 4, 6, 8), 5, {}))
    hits = dict(zip((1, 2, 3, 4, 6), (EVERY, NONE, NONE, NONE, NONE), strict=True))
    found = [*FOUND, other._replace(curves={"bet": Curve(EVERY, hits)})]
    (delay,) = (one for one in choices(found) if one.perturbation == "actuation.delay")
    assert " ".join(map(str, delay.parts)).replace("actuation.delay", "") == ":2 =3 :3 =6"
    assert delay.why == "felt from 2 on: bet on Pick Around Post; the experts bear 6"


def test_the_suite_full_has_what_the_page_in_docs_says():
    text = (Path(__file__).parents[2] / "docs" / "doses.md").read_text()
    table = text.partition("\n## What `full` plays\n")[2].partition("\n\n| ")[2].partition("\n\n")[0]
    said = []
    for name, _, magnitudes, _ in table_rows(f"| {table}"):
        kind = perturbations().get(name.strip("`"))
        values = [] if magnitudes == "–" else map(float, magnitudes.split(", "))
        said += [part_at(kind, one) if kind else Part(COMBO, int(one)) for one in values]
    assert SUITES["full"].variants == (CLEAN, *map(str, said))


def test_it_is_a_study_of_its_own(bimodal):
    code, _, err = bimodal("results", "--doses", "--latent")
    assert code == 2 and "--doses is a study of its own" in err[0]
