"""Makes the scene that is drawn from the physics scene: the same bodies and joints, with shells and wood.

What is drawn lives in geom groups 1 and 2; physics shapes are hidden and stay as they are. Because no body or
joint is added, a recorded state of the physics model places every body of the drawn one.
"""

from functools import cache
from itertools import pairwise

import mujoco
import numpy as np

from ..random_streams import stream
from ..scene import FLOOR_Z
from ..scene_generation.props import LOOK
from ..specs import PREFIXES
from .cameras import add_cameras
from .lighting import WORKSPACE
from .meshes import Mesh, lay_picture, rounded_box, rounded_cylinder
from .panda_meshes import panda_parts
from .robosuite_objects import grocery

SHOWN = 1
"""The geom group of what cameras see, the robot apart; physics shapes are moved out of it."""
TABLE_TOP = "table_top"
"""The physics box that becomes a wooden table; a scene has one or none."""
ROBOT = 2
"""The geom group of the robot and its base plate, which a renderer can leave out."""
_HIDDEN = 3

_Colour = tuple[float, float, float]
_ROBOT: dict[str, tuple[_Colour, float, float]] = {  # colour, specular, shininess
    "white": ((0.93, 0.94, 0.95), 0.35, 0.55),
    "dark": ((0.13, 0.14, 0.16), 0.40, 0.50),
}
_METAL = (0.28, 0.30, 0.33)
_EDGE = (0.62, 0.50, 0.37)
_FLOOR = (0.60, 0.635, 0.68)
_WOOD = (0.78, 0.66, 0.52)
_NADIR = (0.93, 0.95, 0.98)
_ZENITH = (0.66, 0.75, 0.87)
_HORIZON = (0.795, 0.85, 0.925)  # where the sky's two colours meet half-way
_FLOOR_SIZE = 15.0  # half the side of the floor, whose edge the fog hides [m]
_FOG = (3.0, 14.0)  # where the fog begins and where nothing else is seen [m]
_BEVEL = 0.004  # radius of the edges of task objects [m]
_BEVEL_SHARE = 0.3  # and at most this share of their smallest half size
_ARCS = 3  # segments of an eighth of a round edge
_TOP = 0.006  # half thickness of the table's wood [m]
_BOARD = 0.016  # half thickness of the edge below it [m]
_LEG = 0.025  # half width of the legs [m]


_SHADOWS = (1.1, 1.5)  # half the width of the square in which shadows are drawn, for one arm and two [m]


def visual_spec(spec: mujoco.MjSpec, faces: int, plain: bool = False) -> mujoco.MjSpec:
    """Return a copy of the physics scene `spec` with the looks of its things; the renderer compiles it.

    Args:
        spec: a scene with robosuite's body names; visible shapes in groups 0-2, with colours.
        faces: triangles of the robot.
        plain: round edges of fewer triangles, and a wall in place of the sky: quick to draw.
    """
    spec = spec.copy()
    physics = spec.compile()
    shapes = [(geom.id, geom) for geom in spec.geoms]  # ids are lost at the first addition
    # 1. our own light, sky and floor
    for light in list(spec.lights):
        spec.delete(light)
    _set_stage(spec)
    arcs = 1 if plain else _ARCS
    # 2. what is seen in place of each physics shape, which is hidden
    for index, geom in shapes:
        visible = geom.group < _HIDDEN and geom.rgba[3] > 0 and geom.type != mujoco.mjtGeom.mjGEOM_PLANE
        if geom.name == TABLE_TOP:
            _show_table(spec, geom.parent, physics, index)
        elif visible:
            _show_object(spec, geom, physics, index, arcs)
        geom.group = _HIDDEN
    # 3. the robot's shells, and cameras
    _show_robot(spec, faces)
    arms = len(_of_arms(spec, "base"))
    spec.visual.map.shadowclip = _SHADOWS[arms == 2]
    add_cameras(spec, arms)
    # 4. what is behind it all; last, as a variant's draws count the materials
    _show_wall(spec) if plain else _show_sky(spec)
    return spec


def _show(body: mujoco.MjsBody, kind: str, material: str, group: int = SHOWN, **fields: object) -> None:
    """Add a geom that is seen and touches nothing."""
    shape = getattr(mujoco.mjtGeom, f"mjGEOM_{kind.upper()}")
    body.add_geom(type=shape, material=material, group=group, contype=0, conaffinity=0, mass=0, **fields)


def _paint(spec: mujoco.MjSpec, name: str, rgba: tuple[float, ...], specular: float, shininess: float) -> str:
    """Add a material once and return its name."""
    if spec.material(name) is None:
        alpha = (*rgba, 1.0)[:4]
        spec.add_material(name=name, rgba=alpha, specular=specular, shininess=shininess, reflectance=0.0)
    return name


# --------------------------------------------------------------------------------------------- stage


def _set_stage(spec: mujoco.MjSpec) -> None:
    """Add fog, floor and the two lights.

    The floor is finite, as an endless one is a fine grid that takes longer to draw than everything else. It
    is a plane, as fog is computed at corners and a box has too few of them.
    """
    spec.stat.extent = 1.0
    spec.stat.center = WORKSPACE
    spec.visual.map.znear = 0.01
    spec.visual.map.zfar = 20.0
    spec.visual.map.fogstart, spec.visual.map.fogend = _FOG  # times the extent, 1 m
    spec.visual.rgba.fog = [*_HORIZON, 1.0]
    spec.visual.quality.numquads = 1
    spec.visual.global_.offwidth = spec.visual.global_.offheight = 640
    world = spec.worldbody
    floor = [_FLOOR_SIZE, _FLOOR_SIZE, 2 * _FLOOR_SIZE]
    _show(world, "plane", _paint(spec, "floor", _FLOOR, 0.0, 0.0), size=floor, pos=[0, 0, FLOOR_Z])
    _paint(spec, "metal", _METAL, 0.3, 0.4)
    for name in ("key", "fill"):
        world.add_light(name=name, type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL, ambient=[0, 0, 0])


def _show_sky(spec: mujoco.MjSpec) -> None:
    """Add the sky that is seen where nothing else is."""
    spec.add_texture(
        name="sky",
        type=mujoco.mjtTexture.mjTEXTURE_SKYBOX,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_GRADIENT,
        rgb1=_NADIR,
        rgb2=_ZENITH,
        width=256,
        height=256 * 6,
    )


def _show_wall(spec: mujoco.MjSpec) -> None:
    """Stand the floor in a bright box, seen from inside: without a sky MuJoCo's background is black."""
    spec.visual.map.zfar = 3 * _FLOOR_SIZE
    wide = _FLOOR_SIZE
    corners = np.array([[x, y, z] for x in (-wide, wide) for y in (-wide, wide) for z in (FLOOR_Z, wide)])
    sides = ((0, 3, 1), (0, 2, 3), (4, 7, 6), (4, 5, 7), (0, 5, 4), (0, 1, 5), (2, 7, 3), (2, 6, 7))
    Mesh(corners, np.array(sides), np.tile([0.0, 0.0, -1.0], (len(corners), 1))).add_to(spec, "wall")
    shines = 50.0  # beside which the lamps are nothing
    paint = spec.add_material(name="wall", rgba=[*(np.array(_HORIZON) / shines), 1.0], specular=0.0)
    paint.emission = shines
    _show(spec.worldbody, "mesh", "wall", meshname="wall")


def _show_table(spec: mujoco.MjSpec, table: mujoco.MjsBody, physics: mujoco.MjModel, geom: int) -> None:
    """Lay wood on the table's box, with an edge below and four legs."""
    wide, deep, half = physics.geom_size[geom]
    x, y, z = physics.geom_pos[geom] + [0.0, 0.0, half]  # the top's centre in the table's frame
    _paint(spec, "wood", (1.0, 1.0, 1.0), 0.15, 0.3)
    lay_picture(spec, "wood", wood())
    _paint(spec, "edge", _EDGE, 0.15, 0.3)
    below = z - 2 * (_TOP + _BOARD)
    leg = (table.pos[2] + below - FLOOR_Z) / 2  # half the length of the legs
    _show(table, "box", "wood", size=[wide, deep, _TOP], pos=[x, y, z - _TOP])
    _show(table, "box", "edge", size=[wide, deep, _BOARD], pos=[x, y, z - 2 * _TOP - _BOARD])
    for side_x in (-1, 1):
        for side_y in (-1, 1):
            place = [x + side_x * (wide - 0.05), y + side_y * (deep - 0.05), below - leg]
            _show(table, "box", "metal", size=[_LEG, _LEG, leg], pos=place)


@cache
def wood(pixels: int = 512, planks: int = 6) -> np.ndarray:
    """Return a picture of planks, (pixels, pixels, 3) uint8; the grain runs along its rows."""
    rng = stream("look", "wood")
    edge = np.linspace(0, pixels, planks + 1).astype(int)
    grain = np.empty((pixels, pixels))
    for top, bottom in pairwise(edge):
        tall = bottom - top
        fine = _streaks(rng, tall, pixels, across=0.7, along=70)
        broad = _streaks(rng, tall, pixels, across=9, along=260)
        grain[top:bottom] = 0.6 * fine + 0.8 * broad + 0.5 * rng.standard_normal()
        grain[top] -= 3.0  # the joint between two planks
    warm = np.array([0.9, 1.0, 1.15])  # dark grain is redder
    colour = np.array(_WOOD) * (1.0 + 0.035 * grain[..., None] * warm)
    return np.round(255 * np.clip(colour, 0.0, 1.0)).astype(np.uint8)


def _streaks(rng: np.random.Generator, tall: int, wide: int, across: float, along: float) -> np.ndarray:
    """Return unit-variance noise (tall, wide), smooth over `across` rows and `along` columns."""
    down = np.fft.fftfreq(tall)[:, None]
    over = np.fft.rfftfreq(wide)[None, :]
    soft = np.exp(-0.5 * ((2 * down * across) ** 2 + (2 * over * along) ** 2))
    noise = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((tall, wide))) * soft, s=(tall, wide))
    return noise / noise.std()


# ------------------------------------------------------------------------------------------- objects


def _show_object(
    spec: mujoco.MjSpec, geom: mujoco.MjsGeom, physics: mujoco.MjModel, index: int, arcs: int
) -> None:
    """Show a task's shape in its own colour, its edges rounded inside its extents."""
    name = f"shape {index}"
    if kind := spec.text(LOOK + geom.name):
        grocery(kind.data).show(spec, geom.parent, name, SHOWN, pos=geom.pos, quat=geom.quat)
        return
    rgba = tuple(float(value) for value in physics.geom_rgba[index])
    material = _paint(spec, "paint " + " ".join(f"{value:.3f}" for value in rgba), rgba, 0.45, 0.55)
    size = physics.geom_size[index]
    frame = {"pos": physics.geom_pos[index], "quat": physics.geom_quat[index]}
    if geom.type == mujoco.mjtGeom.mjGEOM_BOX:
        rounded_box(size, min(_BEVEL, _BEVEL_SHARE * size.min()), arcs).add_to(spec, name)
    elif geom.type == mujoco.mjtGeom.mjGEOM_CYLINDER:
        bevel = min(_BEVEL, _BEVEL_SHARE * size[:2].min())
        rounded_cylinder(size[0], size[1], bevel, 16 * arcs, arcs).add_to(spec, name)
    elif geom.type == mujoco.mjtGeom.mjGEOM_MESH:
        _show(geom.parent, "mesh", material, meshname=geom.meshname, pos=geom.pos, quat=geom.quat)
        return
    else:
        _show(geom.parent, mujoco.mjtGeom(geom.type).name[len("mjGEOM_") :], material, size=size, **frame)
        return
    _show(geom.parent, "mesh", material, meshname=name, **frame)


def _show_robot(spec: mujoco.MjSpec, faces: int) -> None:
    """Add base plates and shells, the same meshes for both arms."""
    rounded_cylinder(0.115, 0.004, 0.003).add_to(spec, "plate")
    for base in _of_arms(spec, "base"):
        _show(base, "mesh", "metal", ROBOT, meshname="plate", pos=[-0.03, 0.0, 0.002])
        if (high := base.pos[2]) > 0:  # a low table: the robot stands on a block
            _show(base, "cylinder", "metal", ROBOT, size=[0.115, high / 2, 0], pos=[-0.03, 0, -high / 2])
    for part in panda_parts(faces):
        name = f"{part.body} {part.colour}"
        part.mesh.add_to(spec, name)
        colour, specular, shininess = _ROBOT[part.colour]
        paint = _paint(spec, f"robot {part.colour}", colour, specular, shininess)
        for body in _of_arms(spec, part.body):
            _show(body, "mesh", paint, ROBOT, meshname=name)


def _of_arms(spec: mujoco.MjSpec, name: str) -> list[mujoco.MjsBody]:
    """Return this body of every arm that the scene has."""
    found = (spec.body(prefix + name) for prefix in PREFIXES)
    return [body for body in found if body is not None]
