"""The page of the doses: it shows the limit, what is felt, what nobody feels, and what was not measured."""

from xml.etree import ElementTree

import numpy as np
from bimodal.benchmark.studies.dose_limits import Limit
from bimodal.benchmark.studies.doses import METHODS, TASKS, Curve, Doses
from bimodal.cli.doses import doses_page, doses_rows, write_doses

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
    assert "- `contact.mass` (flow on Lift Dumbbell)" in page
    assert "- `actuation.delay` (" not in page
    assert "favours or blocks a mode" not in page
    bias = doses("start.bias", (0.1, 0.2, 0.3), 3, (EVERY,) * 3, {})
    assert "favours or blocks a mode (`start.bias`)" in doses_page([*FOUND, bias])
    assert "| `actuation.delay` | control steps | 1, 2, 4 | 3 |" in page
    assert f"- {METHODS[-1]} on Lift Dumbbell: everything" in page
    flow = next(line for line in page.splitlines() if line.startswith("- flow on Lift Dumbbell"))
    assert "contact.push" in flow
    assert "contact.mass" not in flow


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


def test_it_is_a_study_of_its_own(bimodal):
    code, _, err = bimodal("results", "--doses", "--latent")
    assert code == 2 and "--doses is a study of its own" in err[0]
