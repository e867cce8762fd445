"""One colour, one meaning: the pages repeat the table of the pictures, and every colour can be seen."""

import re
from pathlib import Path

import pytest
from bimodal.benchmark import report
from bimodal.envs.rendering.colours import MODE_COLOURS, OUTCOME_COLOURS
from bimodal.tasks.core.outcomes import GROUPS

LIGHT, DARK = (
    (Path(report.__file__).parent / "style.css").read_text().split("@media (prefers-color-scheme")[:2]
)
RULES = DARK.split("* { box-sizing")[1]


def contrast(one, other):
    """WCAG 2.2, relative luminance."""
    lights = []
    for colour in (one, other):
        shares = [value / 255 for value in colour]
        linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
        lights.append(sum(w * v for w, v in zip((0.2126, 0.7152, 0.0722), linear, strict=True)) + 0.05)
    return max(lights) / min(lights)


@pytest.mark.parametrize("group", GROUPS)
def test_an_outcome_has_the_same_colour_in_pictures_and_on_pages(group):
    (name,) = re.findall(rf"\.act\.{group} {{ (?:fill|stroke): var\(--(\w+)\)", RULES)
    assert f"--{name}: #{bytes(OUTCOME_COLOURS[group]).hex()};" in LIGHT


def test_a_mode_has_the_same_colour_in_pictures_and_on_pages_light_or_dark():
    for mode, colour in enumerate(MODE_COLOURS):
        assert f"--mode{mode}: #{bytes(colour).hex()};" in LIGHT
        assert contrast(colour, (255, 255, 255)) > 3 and contrast(colour, (0x16, 0x1C, 0x25)) > 3
    assert "--mode" not in DARK.split("* {")[0]


def test_no_two_meanings_share_a_colour_and_all_can_be_read_under_white_words():
    assert len({*MODE_COLOURS, *OUTCOME_COLOURS.values()}) == len(MODE_COLOURS) + len(OUTCOME_COLOURS)
    assert min(contrast(colour, (255, 255, 255)) for colour in OUTCOME_COLOURS.values()) > 4.3
