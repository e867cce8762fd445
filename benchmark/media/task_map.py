"""The map of a task: the table from above, where the scene may lie, the grasps, and the dead zone between.

The map looks down in the middle of all starts, the robot above its upper edge: as in the other pictures
the robot's left is on the right.
"""

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from ...envs.rendering.cameras import View
from ...envs.rendering.colours import Colour, mode_colour
from ...envs.rendering.render import Renderer
from ...envs.rendering.text import font, text_width
from ...tasks.core.task import Task
from .drawing import hatching
from .task_geometry import dead_region, fingers, middle_state, mode_hands, object_points, pads, spawn_region

REGION: Colour = (255, 255, 255)
"""Of the part of the table on which the scene may lie."""
_ROBOT: Colour = (70, 58, 44)
"""Of the word that says where the robot stands."""
_MARGIN = 0.03  # of table around what is drawn [m]
_STRIPE = 5  # width of a stripe in the dead zone [pixels]
_FINE = 4  # shapes are drawn this much larger, then reduced, to get smooth edges


class Chart(NamedTuple):
    """How a map's picture lies on the table."""

    centre: np.ndarray
    """World x, y of the picture's middle [m], (2,)."""
    scale: float
    """Pixels in a metre."""
    size: tuple[int, int]
    """Width and height of the picture [pixels]."""

    def pixels(self, points: np.ndarray) -> list[tuple[float, float]]:
        """Return where world points (P, 2) [m] lie in the picture, `_FINE` times enlarged."""
        offset = (points - self.centre) * self.scale + np.array(self.size)[::-1] / 2
        return [(float(y), float(x)) for x, y in _FINE * offset]


def draw_map(task: Task, renderer: Renderer, size: tuple[int, int], passes: int) -> Image.Image:
    """Return the map.

    Args:
        task: what to show.
        renderer: of this task, quality "still", pictures of `size`.
        size: width and height [pixels].
        passes: pictures averaged into one.
    """
    state = middle_state(task)
    region = spawn_region(task, object_points(task, task.spec().compile(), state))
    marked = [pads(mode_hands(task).acting).reshape(-1, 2), *dead_region(task)]
    seen = np.concatenate([region, _world(task, np.concatenate(marked))])
    low = seen.min(0) - _MARGIN
    high = seen.max(0) + _MARGIN
    wide, tall = size
    scale = min(tall / (high - low)[0], wide / (high - low)[1])
    chart = Chart((low + high) / 2, scale, size)
    view = View((*(low + high) / 2, 0.0), 2.0, 180.0, -90.0, tall / scale)
    renderer.show_robot(False)
    # 1. the table without the robot
    picture = Image.fromarray(renderer.still(state, view, passes)).convert("RGBA")
    renderer.show_robot(True)
    # 2. over it where the scene may lie, where hands fail, and the grasps
    fine = (wide * _FINE, tall * _FINE)
    lie = _region_layer(chart, region, fine)
    for layer in (lie, _dead_layer(task, chart, fine), _grasp_layer(task, chart, fine)):
        picture.alpha_composite(layer.resize(size, Image.Resampling.BOX))
    _point_at_robots(ImageDraw.Draw(picture), size, task.arms)
    return picture.convert("RGB")


def _point_at_robots(draw: ImageDraw.ImageDraw, size: tuple[int, int], arms: int) -> None:
    """Write at the upper edge that the robot stands beyond it, and at the lower one where the second does."""
    middle = size[0] / 2 + 7
    names = ("robot",) if arms == 1 else ("first robot", "second robot")
    for name, y, way in zip(names, (14, size[1] - 14), (-1, 1), strict=False):
        draw.text((middle, y), name, _ROBOT, font(15), anchor="mm")
        tip = middle - text_width(name, 15) / 2 - 12
        draw.polygon([(tip, y + 6 * way), (tip - 5, y - 4 * way), (tip + 5, y - 4 * way)], fill=_ROBOT)


def _world(task: Task, points: np.ndarray) -> np.ndarray:
    """Return scene-frame points (..., 2) in the middle of all starts, world."""
    return points + np.array(task.centre)


def _region_layer(chart: Chart, region: np.ndarray, fine: tuple[int, int]) -> Image.Image:
    """Draw where the scene may lie."""
    layer = Image.new("RGBA", fine)
    draw = ImageDraw.Draw(layer)
    outline = chart.pixels(region)
    draw.polygon(outline, fill=(*REGION, 44))
    draw.line([*outline, outline[0]], fill=(*REGION, 255), width=2 * _FINE, joint="curve")
    return layer


def _dead_layer(task: Task, chart: Chart, fine: tuple[int, int]) -> Image.Image:
    """Draw what the open fingers sweep in the dead zone, hatched."""
    mask = Image.new("L", fine)
    draw = ImageDraw.Draw(mask)
    for polygon in dead_region(task):
        draw.polygon(chart.pixels(_world(task, polygon)), fill=255)
    layer = Image.new("RGBA", fine)
    layer.paste(hatching(fine, _STRIPE * _FINE), mask=mask)
    return layer


def _grasp_layer(task: Task, chart: Chart, fine: tuple[int, int]) -> Image.Image:
    """Draw the hand of every mode, at every object at which it may act: a dot between two fingers."""
    layer = Image.new("RGBA", fine)
    draw = ImageDraw.Draw(layer)
    for width, white in ((5, True), (3, False)):
        for place, hand in enumerate(mode_hands(task).acting):
            colour = (255, 255, 255, 255) if white else (*mode_colour(place % len(task.modes)), 255)
            draw.line(chart.pixels(_world(task, pads(hand))), fill=colour, width=width * _FINE)
            left, right, left_end, right_end = chart.pixels(_world(task, fingers(hand)))
            for pad in ((left, left_end), (right, right_end)):
                draw.line(pad, colour, (width + 2) * _FINE)
            _dot(draw, chart.pixels(_world(task, hand[None, :2]))[0], (width + 3) * _FINE, colour)
    return layer


def _dot(draw: ImageDraw.ImageDraw, at: tuple[float, float], radius: float, colour: tuple[int, ...]) -> None:
    x, y = at
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
