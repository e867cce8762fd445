"""The pictures of an MCAP log: what the camera in front sees, a few times a second; see `mcap_export`."""

import io
from collections.abc import Iterator

import mujoco
import numpy as np
from foxglove_schemas_protobuf.CameraCalibration_pb2 import CameraCalibration
from foxglove_schemas_protobuf.CompressedImage_pb2 import CompressedImage
from PIL import Image

from ...envs.perturbations.core.variant import Variant
from ...envs.rendering.render import Renderer
from ...envs.specs import CONTROL_HZ
from ...tasks import load_task
from .mcap_messages import Message, stamp, transform, transforms
from .replay_episode import RecordedEpisode, recorded_states

CAMERA = "front"
PICTURES = f"/camera/{CAMERA}"
CALIBRATION = f"{PICTURES}/calibration"
EVERY = 4
"""Control steps from picture to picture: five pictures a second."""
SIZE = (480, 360)
"""Width and height [pixels]."""
_OPTICAL = np.diag([1.0, -1.0, -1.0])  # from MuJoCo's camera axes to the usual ones: z ahead, y down


def pictures_of(episode: RecordedEpisode, begin: int) -> Iterator[Message]:
    """Yield where the camera is, how it is built, and its JPEG pictures, from an episode's start to its end.

    Args:
        episode: the episode.
        begin: when it begins in the log [ns].

    Raises:
        BimodalError: nothing can be drawn here.
    """
    shard = episode.result.shard
    world = {"variant": Variant(shard.variant), "seed": shard.seeds[0]}
    states = recorded_states(episode)
    with Renderer(load_task(shard.task), *SIZE, **world) as renderer:
        yield from _camera(renderer.model, begin)
        for step in range(0, len(states), EVERY):
            at = begin + step * 10**9 // CONTROL_HZ
            file = io.BytesIO()
            Image.fromarray(renderer.frame(states[step], CAMERA)).save(file, "JPEG", quality=85)
            picture = {"timestamp": stamp(at), "frame_id": CAMERA, "format": "jpeg", "data": file.getvalue()}
            yield Message(PICTURES, at, CompressedImage(**picture))


def _camera(model: mujoco.MjModel, at: int) -> Iterator[Message]:
    """Yield pose and calibration of the camera, which stands still: a pinhole without distortion."""
    camera = model.camera(CAMERA)
    axes = np.zeros(9)
    mujoco.mju_quat2Mat(axes, camera.quat)
    yield transforms(at, [transform(at, CAMERA, camera.pos, axes.reshape(3, 3) @ _OPTICAL)])
    width, height = SIZE
    focal = height / 2 / np.tan(np.radians(camera.fovy[0]) / 2)
    inner = np.array([[focal, 0.0, width / 2], [0.0, focal, height / 2], [0.0, 0.0, 1.0]])
    content = CameraCalibration(
        timestamp=stamp(at),
        frame_id=CAMERA,
        width=width,
        height=height,
        K=inner.ravel(),
        R=np.eye(3).ravel(),
        P=np.column_stack([inner, np.zeros(3)]).ravel(),
    )
    yield Message(CALIBRATION, at, content)
