"""The map of a task: the table from above, where the scene may lie, the grasps, and the dead zone between.

The map looks down in the middle of all starts, the robot above its upper edge: as in the other pictures
the robot's left is on the right.
"""

from itertools import combinations, pairwise
from typing import Any, NamedTuple

import mujoco
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ...envs.frames import from_frame
from ...envs.physics_state import set_state
from ...envs.rendering.cameras import View
from ...envs.rendering.render import Renderer
from ...envs.simulation import Simulation
from ...tasks.core.task import PAD_RADIUS, Task

Colour = tuple[int, int, int]

COLOURS: tuple[Colour, ...] = ((33, 104, 214), (22, 150, 92), (136, 74, 200), (226, 150, 22))
"""Of the modes, one after the other."""
RED: Colour = (214, 40, 40)
"""Of the dead zone and of the average."""
REGION: Colour = (255, 255, 255)
"""Of the part of the table on which the scene may lie."""
_FINGER = 0.011  # half the width of a finger [m]
_MARGIN = 0.03  # of table around what is drawn [m]
_FLAT = 4e-4  # what modes span is a line up to this area [m^2]
_FINE = 4  # shapes are drawn this much larger, then reduced, to get smooth edges
_STEPS = 121  # poses from one mode to another


class _Middle(np.random.Generator):
    """Draws the middle of every interval."""

    def __init__(self) -> None:
        super().__init__(np.random.PCG64(0))

    def uniform(self, low: Any = 0.0, high: Any = 1.0, size: Any = None) -> Any:
        return np.broadcast_to((np.asarray(low) + np.asarray(high)) / 2, size or ())


def middle_state(task: Task) -> np.ndarray:
    """Return the state in the middle of all starts, (nstate,)."""
    simulation = Simulation(task, 1)
    simulation.begin([task.start(_Middle())])
    return simulation.state()[0]


def object_points(task: Task, model: mujoco.MjModel, state: np.ndarray) -> np.ndarray:
    """Return the corners of everything the task put on the table, world, (P, 3) [m].

    Args:
        task: whose objects.
        model: the physics scene, compiled.
        state: a `mjSTATE_INTEGRATION` row of it.
    """
    data = mujoco.MjData(model)
    set_state(model, data, state)
    mujoco.mj_kinematics(model, data)
    bodies = {model.body(name).id for name in task.poses()}
    return np.concatenate(
        [
            data.geom_xpos[geom] + _corners(model, geom) @ data.geom_xmat[geom].reshape(3, 3).T
            for geom in range(model.ngeom)
            if int(model.body_rootid[model.geom_bodyid[geom]]) in bodies
        ]
    )


def _corners(model: mujoco.MjModel, geom: int) -> np.ndarray:
    """Return a polyhedron around a geom in its own frame, (P, 3) [m]."""
    centre, half = model.geom_aabb[geom, :3], model.geom_aabb[geom, 3:]
    if model.geom_type[geom] == mujoco.mjtGeom.mjGEOM_CYLINDER:
        turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        ring = np.stack([np.cos(turn), np.sin(turn), np.ones(24)], -1)
        return centre + half * np.concatenate([ring, ring * [1, 1, -1]])
    return centre + half * (np.stack(np.meshgrid(*[[-1, 1]] * 3), -1).reshape(-1, 3))


def spawn_frames(task: Task) -> np.ndarray:
    """Return the extreme scene frames: x, y [m] and yaw [rad], world, (F, 3)."""
    sides = np.stack(np.meshgrid([-1, 1], [-1, 1], np.linspace(-1, 1, 5)), -1).reshape(-1, 3)
    return np.array([*task.centre, 0.0]) + sides * np.array(task.spread)


def spawn_region(task: Task, points: np.ndarray) -> np.ndarray:
    """Return the outline of the table on which the scene may lie, world, counter-clockwise, (P, 2) [m].

    Args:
        task: whose scene.
        points: `object_points` in the middle of all starts.
    """
    flat = points - [*task.centre, 0.0]
    return hull(np.concatenate([from_frame(flat, frame)[:, :2] for frame in spawn_frames(task)]))


def hull(points: np.ndarray) -> np.ndarray:
    """Return the convex hull of points (N, 2), counter-clockwise (Andrew's monotone chain), (P, 2)."""

    def chain(ordered: np.ndarray) -> list[np.ndarray]:
        found: list[np.ndarray] = []
        for point in ordered:
            while len(found) > 1 and _turn(found[-2], found[-1], point) <= 0:
                found.pop()
            found.append(point)
        return found[:-1]

    ordered = np.unique(points.round(6), axis=0)
    return np.array(chain(ordered) + chain(ordered[::-1])).reshape(-1, 2)


def _turn(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> float:
    """Return twice the area of the triangle a, b, c; positive when it turns left."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def dead_paths(task: Task) -> list[np.ndarray]:
    """Return the poses that fail on the straight ways between every two modes, scene frame, (M, 4) each."""
    share = np.linspace(0, 1, _STEPS)[:, None]
    ways = [first + share * (second - first) for first, second in combinations(task.grasps, 2)]
    paths = []
    for way in ways:
        dead = np.flatnonzero(task.in_dead_zone(task.mixture(way)))
        paths += [way[run] for run in np.split(dead, np.flatnonzero(np.diff(dead) > 1) + 1) if len(run) > 1]
    return paths


def dead_region(task: Task) -> list[np.ndarray]:
    """Return the dead zone from above as convex polygons that overlap, scene frame, (P, 2) [m] each.

    Of two modes, or of modes in a line: what the open fingers sweep on the way. Of modes around something:
    all places among them but the corners.
    """
    paths = dead_paths(task)
    if not paths:
        return []
    span = hull(np.concatenate(paths)[:, :2])
    if len(task.modes) > 2 and _area(span) > _FLAT:
        return [span]
    reach = [fingers(path) for path in paths]
    return [hull(np.concatenate(both)) for swept in reach for both in pairwise(swept)]


def _area(polygon: np.ndarray) -> float:
    x, y = polygon.T
    return abs(float(x @ np.roll(y, 1) - y @ np.roll(x, 1))) / 2


def pads(hands: np.ndarray) -> np.ndarray:
    """Return where the open finger pads of hands (..., 4) are, from above, (..., 2 pads, 2) [m]."""
    way = PAD_RADIUS * np.stack([np.cos(hands[..., 3]), np.sin(hands[..., 3])], -1)
    return np.stack([hands[..., :2] - way, hands[..., :2] + way], -2)


def fingers(hands: np.ndarray) -> np.ndarray:
    """Return the corners of the open fingers of hands (..., 4), from above, (..., 4 corners, 2) [m]."""
    across = _FINGER * np.stack([-np.sin(hands[..., 3]), np.cos(hands[..., 3])], -1)[..., None, :]
    return np.concatenate([pads(hands) - across, pads(hands) + across], -2)


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
    hands = task.grasps
    seen = np.concatenate([region, _world(task, pads(hands)).reshape(-1, 2)])
    low, high = seen.min(0) - _MARGIN, seen.max(0) + _MARGIN
    wide, tall = size
    scale = min(tall / (high - low)[0], wide / (high - low)[1])
    chart = Chart((low + high) / 2, scale, size)
    view = View((*(low + high) / 2, 0.0), 2.0, 180.0, -90.0, tall / scale)
    renderer.show_robot(False)
    picture = Image.fromarray(renderer.still(state, view, passes)).convert("RGBA")
    renderer.show_robot(True)
    fine = (wide * _FINE, tall * _FINE)
    for layer in (_region_layer(task, chart, region, fine), _dead_layer(task, chart, fine)):
        picture.alpha_composite(layer.resize(size, Image.Resampling.BOX))
    picture.alpha_composite(_grasp_layer(task, chart, fine).resize(size, Image.Resampling.BOX))
    _point_at_robot(ImageDraw.Draw(picture), wide)
    return picture.convert("RGB")


def _point_at_robot(draw: ImageDraw.ImageDraw, wide: int) -> None:
    """Write at the upper edge that the robot stands beyond it."""
    text, font = "robot", ImageFont.load_default(size=15)
    middle, reach = wide / 2 + 7, font.getlength(text) / 2
    draw.text((middle, 14), text, (70, 58, 44), font, anchor="mm")
    tip = middle - reach - 12
    draw.polygon([(tip, 8), (tip - 5, 18), (tip + 5, 18)], fill=(70, 58, 44))


def _world(task: Task, points: np.ndarray) -> np.ndarray:
    """Return scene-frame points (..., 2) in the middle of all starts, world."""
    return points + np.array(task.centre)


def _region_layer(task: Task, chart: Chart, region: np.ndarray, fine: tuple[int, int]) -> Image.Image:
    """Draw where the scene may lie, and in it, dashed, where its origin may."""
    layer = Image.new("RGBA", fine)
    draw = ImageDraw.Draw(layer)
    outline = chart.pixels(region)
    draw.polygon(outline, fill=(*REGION, 44))
    draw.line([*outline, outline[0]], fill=(*REGION, 255), width=2 * _FINE, joint="curve")
    return layer


def _dead_layer(task: Task, chart: Chart, fine: tuple[int, int]) -> Image.Image:
    """Draw what the open fingers sweep in the dead zone."""
    mask = Image.new("L", fine)
    draw = ImageDraw.Draw(mask)
    for polygon in dead_region(task):
        draw.polygon(chart.pixels(_world(task, polygon)), fill=128)
    layer = Image.new("RGBA", fine, (*RED, 0))
    layer.putalpha(mask)
    return layer


def _grasp_layer(task: Task, chart: Chart, fine: tuple[int, int]) -> Image.Image:
    """Draw the hand of every mode: a dot between two fingers."""
    layer = Image.new("RGBA", fine)
    draw = ImageDraw.Draw(layer)
    for width, white in ((5, True), (3, False)):
        for mode, hand in enumerate(task.grasps):
            colour = (255, 255, 255, 255) if white else (*COLOURS[mode % len(COLOURS)], 255)
            draw.line(chart.pixels(_world(task, pads(hand))), fill=colour, width=width * _FINE)
            left, right, left_end, right_end = chart.pixels(_world(task, fingers(hand)))
            for pad in ((left, left_end), (right, right_end)):
                draw.line(pad, colour, (width + 2) * _FINE)
            _dot(draw, chart.pixels(_world(task, hand[None, :2]))[0], (width + 3) * _FINE, colour)
    return layer


def _dot(draw: ImageDraw.ImageDraw, at: tuple[float, float], radius: float, colour: tuple[int, ...]) -> None:
    x, y = at
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
