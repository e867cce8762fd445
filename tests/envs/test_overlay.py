"""Text over video frames: what it says shows, and nothing else of the frame changes."""

import numpy as np
import pytest
from bimodal.envs.rendering.colours import OUTCOME_COLOURS
from bimodal.envs.rendering.overlay import Caption, Ending, Label, overlay
from bimodal.envs.rendering.text import fitting_size, text_width

TASK = "PandaLiftDumbbell-v1"


@pytest.mark.parametrize("size", [(96, 96), (320, 480), (480, 640)])
def test_an_overlay_keeps_size_and_frame(size):
    frame = np.full((*size, 3), 200, np.uint8)
    caption = Caption("PandaPickEitherCube-v1", 10_012, "pushed at contact-3", "left cube", 12.35)
    drawn = overlay(frame, caption)
    assert drawn.shape == frame.shape and drawn.dtype == np.uint8
    assert (frame == 200).all()
    touched = (drawn != frame).any(-1)
    assert touched[-size[0] // 5 :].any() and not touched[: size[0] // 2].any()


def test_an_overlay_tells_what_changed():
    frame = np.full((480, 640, 3), 200, np.uint8)
    caption = Caption(TASK, 1, "clean", "", 0.0)
    plain = overlay(frame, caption)
    for change in (
        {"seed": 2},
        {"variant": "mass-1"},
        {"mode": "left bar"},
        {"time": 1.0},
        {"task": "Other-v1"},
        {"policy": "flow"},
        {"hold": 0.5},
        {"contact": (320.0, 200.0)},
        {"labels": (Label("left bar", (320.0, 200.0), (14, 124, 134)),)},
    ):
        assert (overlay(frame, caption._replace(**change)) != plain).any(), change


@pytest.mark.parametrize("group", ["success", "average", "miss", "idle"])
def test_an_ending_is_stamped_in_its_colour(group):
    frame = np.full((320, 480, 3), 120, np.uint8)
    caption = Caption(TASK, 1, "clean", "", 0.0, Ending("dropped it", OUTCOME_COLOURS[group]))
    drawn = overlay(frame, caption)[200:].astype(int)
    seen = {name: (np.abs(drawn - colour).max(-1) < 12).mean() for name, colour in OUTCOME_COLOURS.items()}
    assert max(seen, key=seen.__getitem__) == group and seen[group] > 0.01


def test_a_text_gets_the_largest_size_that_fits_its_room():
    words = ["one text", "and another"]
    for size in (9, 14, 20):
        room = sum(text_width(text, size) for text in words)
        assert fitting_size(words, room, 20, 8) == size
        assert fitting_size(words, room + 2 * size, 20, 8, padding=2) == size
    assert fitting_size(words, 10, 20, 8) == 8
