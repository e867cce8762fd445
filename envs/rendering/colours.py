"""What a colour means: one table for pictures, maps, videos and pages.

The pages' copy stands in `benchmark/report/style.css`, with lighter outcomes on dark paper.

Outcomes and modes never share a colour. Each has at least 3:1 against white, and the modes also against the
pages' dark paper. What is averaged is hatched besides, for people who see no difference.
"""

Colour = tuple[int, int, int]

OUTCOME_COLOURS: dict[str, Colour] = {
    "success": (29, 95, 196),
    "average": (207, 79, 23),
    "miss": (125, 95, 184),
    "idle": (102, 112, 124),
    "fault": (24, 33, 44),
}
"""Of episodes, by the group of their outcome (`tasks/core/outcomes.py`): blue, orange, violet, grey, ink."""
AVERAGED = OUTCOME_COLOURS["average"]
"""Also of the average of the modes, and of the dead zone between them."""
MODE_COLOURS: tuple[Colour, ...] = (
    *((14, 124, 134), (160, 134, 0), (194, 64, 154), (31, 157, 85)),
    *((46, 140, 190), (214, 34, 80), (156, 62, 224), (150, 100, 64)),
)
"""Of the modes, one after the other: teal, gold, magenta, green, sky, crimson, purple, brown."""


def mode_colour(mode: int) -> Colour:
    """Return the colour of a mode."""
    return MODE_COLOURS[mode % len(MODE_COLOURS)]


def shares(colour: Colour) -> tuple[float, float, float]:
    """Return a colour as shares of red, green and blue, as MuJoCo wants it."""
    red, green, blue = colour
    return red / 255, green / 255, blue / 255
