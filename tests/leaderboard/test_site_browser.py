"""The site in a real browser: no complaint, filters, sorting and comparisons work, and it fits everywhere."""

import json
import time
from itertools import permutations, product

import bimodal.leaderboard.site.build as build
import numpy as np
import pytest
from bimodal.benchmark.comparison.compare import compare_two
from bimodal.benchmark.comparison.sentences import verdict_sentence
from bimodal.benchmark.number_text import percent, points, signed_bounds
from bimodal.benchmark.statistics.many_policies import holm
from bimodal.benchmark.statistics.paired import mcnemar_mid_p, tango
from bimodal.benchmark.statistics.rates import Interval
from bimodal.leaderboard.entry import arm_of_entry, entry_from_run
from browser import BROWSER, Browser
from fabricated import outcome, run_folder
from fabricated_entries import DUMBBELL, MIDDLE, POST, WIN_LEFT, WIN_RIGHT, changed, edit, make

LATE = outcome("TIMEOUT", 1, 0.9, 100)
SKILLS = {"even": 0.9, "fair": 0.8, "poor": 0.2}
ROWS = (
    "[...document.querySelectorAll('table.clean tbody tr')].filter((row) => !row.hidden)"
    ".map((row) => row.cells[2].dataset.value)"
)
STATISTICS = "".join((build.TEMPLATES / name).read_text() for name in ("numbers.js", "paired.js"))


def entries(folder):
    """Return policies of different skill, the last two of another suite and with another MuJoCo."""
    rng = np.random.default_rng(7)
    found = []
    for name, skill in SKILLS.items():
        draws = [[WIN_LEFT, WIN_RIGHT] if rng.random() < skill else [MIDDLE, LATE] for _ in range(32)]
        drawn = [pair[rng.integers(2)] for pair in draws]
        runs = {DUMBBELL: drawn[:16], POST: drawn[16:]}
        found.append(entry_from_run(run_folder(folder / name, runs, name)))
    other = changed(make(folder, "other suite", 9), edit("suite", "hash", to="f" * 16))
    newer = changed(
        make(folder, "newer", 9, track="privileged"), edit("provenance", "versions", "mujoco", to="9")
    )
    return [*found, newer, other]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    if not BROWSER:
        pytest.skip("no Chromium")
    folder = tmp_path_factory.mktemp("site")
    return entries(folder), build.build_site(entries(folder), folder / "site").parent


@pytest.fixture(scope="module")
def browser(made, tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser
    assert browser.complaints == []


def computed(browser, call):
    """Return what the page's own script computes."""
    return json.loads(browser.run(f"JSON.stringify((() => {{ {STATISTICS}; return {call}; }})())"))


def visit(browser, page, place=""):
    """Open a page anew; another place of the same page would not be loaded."""
    browser.open("about:blank")
    browser.open(page.as_uri() + place)


def choose(browser, name, value):
    browser.run(
        f"(() => {{ const field = document.querySelector('[name={name}]'); field.value = {value!r};"
        " field.dispatchEvent(new Event('input', {bubbles: true})); })()"
    )


def test_a_comparison_has_the_numbers_and_the_words_of_bimodal_compare(made, browser):
    some = made[0][: len(SKILLS)]
    arms = {entry.policy.name: arm_of_entry(entry) for entry in some}
    visit(browser, made[1] / "compare.html")
    data = "JSON.parse(document.getElementById('data').textContent)"
    both = "[{!r}, {!r}].map((name) => data.entries.find((one) => one.name === name))"
    call = "((data, [a, b]) => [compared(data, a, b), sentence(compared(data, a, b), a, b)])"
    verdicts = set()
    for one, two in permutations(arms, 2):
        pair = both.format(one, two).replace("data.", f"{data}.")
        ours, words = computed(browser, f"{call}({data}, {pair})")
        theirs = compare_two(arms[one], arms[two])
        assert words == verdict_sentence(theirs)
        assert ours["verdict"] == theirs.verdict.name.lower() and ours["n"] == theirs.pairs
        assert ours["p"] == pytest.approx(theirs.p_value, abs=1e-12)
        assert ours["difference"] == pytest.approx(list(theirs.difference), abs=1e-9)
        for mine, row in zip(ours["tasks"], theirs.tasks, strict=True):
            assert (mine["won"], mine["lost"]) == (row.only_candidate, row.only_baseline)
            assert [*mine["difference"], mine["p"]] == pytest.approx([*row.difference, row.p_value], abs=1e-9)
            assert mine["baseline"][0] == percent(row.baseline.estimate, 1)
        for mine, row in zip(ours["variants"], theirs.variants, strict=True):
            costs = [mine["baseline"]["cost"], mine["candidate"]["cost"]]
            assert (mine["variant"], mine["tasks"]) == (row.variant, row.tasks)
            assert costs == pytest.approx([row.baseline, row.candidate], abs=1e-12)
        for mine, row in zip(ours["modes"], theirs.modes, strict=True):
            assert (mine["changed"], mine["both"]) == (row.changed, row.both)
            assert mine["baseline"] == pytest.approx(row.baseline.tolist())
        verdicts.add(ours["verdict"])
    assert verdicts == {"better", "worse", "undecided"}


def test_the_script_computes_and_prints_as_python_does(made, browser):
    visit(browser, made[1] / "compare.html")
    counts = [
        (0, 0, 5),
        (3, 3, 9),
        (0, 1, 1),
        (17, 40, 200),
        (900, 1100, 3000),
        (0, 1200, 1200),
        (5000, 5203, 90000),
    ]
    found = computed(
        browser, f"{json.dumps(counts)}.map(([a, b, n]) => [midP(a, b), tango(a, b, n, 1.959963984540054)])"
    )
    for (a, b, n), (p, interval) in zip(counts, found, strict=True):
        assert p == pytest.approx(mcnemar_mid_p(a, b), rel=1e-12, abs=1e-300)
        assert interval == pytest.approx(list(tango(a, b, n)), abs=1e-9)
    p_values = [0.01, 0.04, 0.03, 0.9, 0.03]
    assert computed(browser, f"holm({p_values})") == pytest.approx(holm(p_values))
    shares = [0, 1, 0.5, 0.125, 0.9996, 0.0004, 1 / 3, 0.845, 0.995, 0.0625, 0.1225]
    texts = computed(browser, f"{shares}.map((x) => [percent(x), percent(x, 1), points(-x), ends(-x, x)])")
    for x, told in zip(shares, texts, strict=True):
        assert told == [percent(x), percent(x, 1), points(-x), signed_bounds(Interval(0, -x, x))], x


@pytest.mark.slow
def test_the_choice_stands_in_the_address_and_what_does_not_compare_is_refused(made, browser):
    visit(browser, made[1] / "compare.html", "#a=smoke-poor&b=smoke-even")
    verdict = "document.querySelector('.verdict').textContent"
    assert browser.run(verdict).startswith("Better: even succeeds more often than poor")
    browser.run("document.querySelector('.choose button').click()")
    assert browser.run(verdict).startswith("Worse: poor")
    assert browser.run("location.hash") == "#a=smoke-even&b=smoke-poor"
    command = browser.run("document.querySelector('#found pre').textContent")
    assert command == "bimodal compare entries/smoke-even.json entries/smoke-poor.json"
    for key, why in (("smoke-newer", "mujoco 4.0.0 and mujoco 9"), ("smoke-other-suite", "different suites")):
        browser.run(f"location.hash = '#a=smoke-even&b={key}'")
        browser.wait(f"{verdict}.startsWith('Not comparable') && {verdict}.includes({why!r})")


@pytest.mark.slow
def test_the_board_is_filtered_sorted_and_seen_in_a_variant(made, browser):
    visit(browser, made[1] / "index.html")
    told = "document.getElementById('told').textContent"
    assert browser.run(told) == "5 of 5 entries"
    assert set(browser.run(ROWS)) == {*SKILLS, "newer", "other suite"}
    choose(browser, "track", "privileged")
    assert (browser.run(ROWS), browser.run(told)) == (["newer"], "1 of 5 entries")
    choose(browser, "trust", "replayed")
    assert browser.run(told) == "0 of 5 entries"
    choose(browser, "trust", "")
    choose(browser, "track", "")
    variant = made[0][0].suite.variants[1]
    choose(browser, "variant", variant)
    assert browser.run("location.hash") == "#board?variant=" + variant.replace(":", "%3A")
    shown = "[...document.querySelectorAll('table.shifted:not([hidden]) tbody tr')]"
    assert (
        browser.run(f"{shown}.length") == 5
        and browser.run("document.querySelector('table.clean').offsetHeight") == 0
    )
    cell = browser.run(f"{shown}[0].cells[2].textContent")
    assert "→" in cell and "broken" in cell
    browser.run("[...document.querySelectorAll('.filters button')].at(-1).click()")
    head = "[...document.querySelectorAll('table.clean th')].find((one) => one.textContent === 'Success')"
    browser.run(f"{head}.firstChild.focus()")
    browser.press(" ", "Space")
    first = f"({ROWS}).slice(0, {len(SKILLS) + 1})"
    assert browser.run(f"{head}.getAttribute('aria-sort')") == "descending"
    assert browser.run(first)[0] == "even" and browser.run(first)[-1] == "poor"
    browser.run(f"{head}.firstChild.click()")
    assert browser.run(first)[0] == "poor"
    visit(browser, made[1] / "index.html", "#board?track=state&variant=nonsense")
    assert len(browser.run(ROWS)) == 4


@pytest.mark.slow
def test_every_page_fits_a_phone_in_light_and_dark_and_prints(made, browser):
    names = ["index.html", "compare.html", "about.html", "policies/smoke-even.html", f"tasks/{DUMBBELL}.html"]
    for name, dark in product(names, (False, True)):
        browser.look(390, 844, dark, phone=True)
        visit(browser, made[1] / name)
        time.sleep(0.05)
        assert browser.run("document.documentElement.scrollWidth") == 390, name
        paper = "rgb(15, 19, 25)" if dark else "rgb(250, 249, 246)"
        assert browser.run("getComputedStyle(document.body).backgroundColor") == paper
        browser.look(1280, 900)
        assert browser.printed().startswith(b"%PDF")
