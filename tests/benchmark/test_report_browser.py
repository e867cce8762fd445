"""The report in a real browser: no complaint, filters and links find their episodes, videos play, it fits."""

import time

import imageio
import numpy as np
import pytest
from bimodal.benchmark.report.run_report import write_report
from bimodal.benchmark.suites import SUITES
from browser import BROWSER, Browser
from fabricated import outcome, run_folder

DUMBBELL, POST = SUITES["smoke"].tasks
LEFT, MIDDLE = outcome("SUCCESS", 0, 0.02, 40), outcome("COLLISION_MID", -1, 0.5, 40)
TOLD = "document.getElementById('told').textContent"
ROWS = "document.querySelectorAll('#rows tbody tr:not(.detail)').length"
VIDEO = "document.querySelector('.detail video')"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    if not BROWSER:
        pytest.skip("no Chromium")
    folder = tmp_path_factory.mktemp("report")
    run_folder(folder, {DUMBBELL: [LEFT, MIDDLE] * 8, POST: [LEFT] * 15 + [MIDDLE]})
    (folder / "videos").mkdir()
    pictures = np.random.default_rng(0).integers(0, 255, (20, 48, 64, 3)).astype(np.uint8)
    imageio.mimwrite(folder / "videos" / f"{POST}-15-x.mp4", pictures, fps=20, macro_block_size=16)
    with Browser(tmp_path_factory.mktemp("profile")) as browser:
        browser.open(write_report(folder).as_uri())
        yield browser
    assert browser.complaints == []


def choose(browser, title, value):
    """Set a filter as a hand does: the value, then the event."""
    browser.run(
        f"(() => {{ const label = [...document.querySelectorAll('.filters label')]"
        f".find((one) => one.firstChild.textContent === {title!r}); const field = label.lastChild;"
        f" field.value = {value!r}; field.dispatchEvent(new Event('input', {{bubbles: true}})); }})()"
    )


@pytest.mark.slow
def test_a_number_leads_to_its_episodes_and_the_address_remembers_the_filter(browser):
    assert browser.run(TOLD) == "96 of 96 episodes, 69 of them succeed" and browser.run(ROWS) == 25
    browser.run(
        "[...document.querySelectorAll('.tile a')].find((a) => a.textContent === '9 episodes').click()"
    )
    browser.wait(f"{TOLD} === '9 of 96 episodes, 0 of them succeed'")
    assert browser.run("location.hash") == "#episodes?variant=clean&group=average"
    choose(browser, "Task", POST)
    assert browser.run(TOLD) == "1 of 96 episodes, 0 of them succeed"
    assert "task=PandaPickAroundPost-v1" in browser.run("location.hash")
    browser.run("[...document.querySelectorAll('.filters button')].at(-1).click()")
    assert browser.run(TOLD).startswith("96 of 96")


@pytest.mark.slow
def test_rows_are_sorted_by_a_click_and_shown_page_by_page(browser):
    choose(browser, "Task", DUMBBELL)
    head = "[...document.querySelectorAll('#rows th button')].find((b) => b.textContent === 'Seed')"
    seeds = "[...document.querySelectorAll('#rows tbody tr')].map((row) => row.cells[2].textContent)"
    browser.run(f"{head}.click()")
    browser.run(f"{head}.click()")
    assert browser.run(seeds)[:4] == ["15", "15", "15", "14"]
    browser.run("document.getElementById('more').click()")
    assert browser.run(ROWS) == 48 and browser.run("document.getElementById('more').hidden")
    choose(browser, "Task", "")


@pytest.mark.slow
def test_an_episode_shows_its_video_which_plays_and_the_command_that_replays_it(browser):
    browser.run(f"location.hash = '#episodes?task={POST}&variant=clean&seed=15'")
    browser.wait(f"{VIDEO} !== null")
    browser.run(f"{VIDEO}.muted = true, {VIDEO}.play()")
    browser.wait(f"{VIDEO}.currentTime > 0.2")
    assert browser.run(f"{VIDEO}.error") is None
    words = browser.run("document.querySelector('.detail pre').textContent")
    assert words == f"bimodal replay . --task {POST} --episode 15"
    for _ in range(2):  # the row closes and opens by its button
        browser.run("document.querySelector('#rows tbody button').focus()")
        browser.press("Enter")
    assert browser.run("document.querySelectorAll('.detail').length") == 1


@pytest.mark.slow
def test_it_fits_a_phone_in_light_and_dark_and_prints(browser):
    wide = "document.documentElement.scrollWidth"
    for dark in (False, True):
        browser.look(390, 844, dark, phone=True)
        time.sleep(0.1)
        assert browser.run(wide) == 390
    paper = "getComputedStyle(document.body).backgroundColor"
    assert browser.run(paper) == "rgb(15, 19, 25)"
    browser.look(1280, 900)
    assert browser.printed().startswith(b"%PDF")
