"""Pictures and words on the wire: what a server announces of them, and what is read of that.

In the list `observations` of an offer they stand beside the components of the state:

    {"name": "front_image", "dtype": "uint8", "shape": [H, W, 3]}, with past pictures [frames, H, W, 3]
    {"name": "instruction", "dtype": "str"}
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from ...envs.images import IMAGE_SIZES, IMAGES, INSTRUCTION, MOST_IMAGE_FRAMES, picture_shape
from ...envs.specs import ROBOT_OBSERVATION, of_arms
from ...tasks.core.task import Task
from ..core.policy import Needs
from .codec import LARGEST_FRAME

BESIDE = (*IMAGES, INSTRUCTION)
"""What can be asked for beside the components of the state."""
_OVERHEAD = 4096
"""Bytes of a row of a request that are no pixels, at most."""


class Pictures(NamedTuple):
    """What a server wants to see and to be told, and in which form."""

    names: tuple[str, ...] = ()
    """Names of pictures, and `instruction`, in its order."""
    image_size: int = IMAGE_SIZES[0]
    """Width and height of the pictures [pixels]."""
    image_frames: int = 1
    """Control steps whose pictures are sent."""
    problems: tuple[str, ...] = ()
    """What does not fit, a line each."""

    def shape(self) -> tuple[int, ...]:
        """Return the shape of a picture of one episode, as it is sent."""
        return picture_shape(self.image_size, self.image_frames)

    def most_rows(self) -> int:
        """Return of how many episodes the pictures fit into one frame."""
        seen = [name for name in self.names if name in IMAGES]
        return LARGEST_FRAME // (len(seen) * int(np.prod(self.shape())) + _OVERHEAD)


def announced(needs: Needs) -> list[dict[str, Any]]:
    """Return what a server says of the pictures and words that its policy reads."""
    shape = list(picture_shape(needs.image_size, needs.image_frames))
    said: list[dict[str, Any]] = []
    for name in needs.observations:
        if name in IMAGES:
            said.append({"name": name, "dtype": "uint8", "shape": shape})
        elif name == INSTRUCTION:
            said.append({"name": name, "dtype": "str"})
    return said


def read_pictures(said: Iterable[Mapping[str, Any]]) -> Pictures:
    """Return what a server's list of observations asks for beside the components of the state."""
    wanted = [one for one in said if one.get("name") in BESIDE]
    forms = {"image_size": IMAGE_SIZES[0], "image_frames": 1}
    shapes = {tuple(one["shape"]) for one in wanted if _is_picture(one)}
    problems = []
    for one in wanted:
        if one["name"] == INSTRUCTION and one.get("dtype", "str") != "str":
            problems.append(f"observation {INSTRUCTION}: dtype {one['dtype']!r:.20} there, 'str' here")
        elif one["name"] != INSTRUCTION and not _is_picture(one):
            there = f"{one.get('dtype', 'uint8')!s:.20} {one.get('shape')!r:.40}"
            sizes = ", ".join(map(str, IMAGE_SIZES))
            problems.append(
                f"observation {one['name']}: {there} there; a picture is uint8 [H, W, 3] here, H = W one of "
                f"{sizes}, with a past [2 to {MOST_IMAGE_FRAMES}, H, W, 3]"
            )
    if len(shapes) > 1:
        problems.append(
            f"its pictures have several shapes ({', '.join(map(str, sorted(shapes)))}); one can be sent"
        )
    elif shapes:
        *past, side, _, _ = shapes.pop()
        forms = {"image_size": side, "image_frames": past[0] if past else 1}
    return Pictures(tuple(one["name"] for one in wanted), **forms, problems=tuple(problems))


def _is_picture(one: Mapping[str, Any]) -> bool:
    """Whether it tells of a picture that can be drawn here."""
    shape = one.get("shape")
    if (
        one.get("dtype", "uint8") != "uint8"
        or not isinstance(shape, list)
        or any(type(n) is not int for n in shape)
    ):
        return False
    *past, side, _, _ = shape if len(shape) in (3, 4) else (0, 0, 0)
    return (
        side in IMAGE_SIZES
        and shape[-3:] == [side, side, 3]
        and (not past or 2 <= past[0] <= MOST_IMAGE_FRAMES)
    )


def hand_names(task: Task) -> tuple[str, ...]:
    """Return the components that a server is sent which sees pictures and does not name the state."""
    return tuple(spec.name for spec in of_arms(ROBOT_OBSERVATION, task.arms))


def sent(name: str, rows: Any) -> Any:
    """Return a component, a picture or an instruction, as it is put in a request."""
    if name == INSTRUCTION:
        return str(rows) if np.ndim(rows) == 0 else [str(text) for text in rows]
    return np.asarray(rows, np.uint8 if name in IMAGES else np.float64)
