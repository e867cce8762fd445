"""A policy that sees: finds the dumbbell's orange hub in the front picture, and lifts one bar.

    bimodal evaluate examples/front_camera.py:FrontCamera --task PandaLiftDumbbell-v1 --seeds 20

It reads no pose of an object, so its track is `vision`. docs/vision.md says what pictures there are.
"""

import numpy as np
from bimodal.envs.rendering.cameras import FOVY, VIEWS
from bimodal.policies import Decision, Needs, Policy
from bimodal.tasks.core.hand_path import HandPath

HUB_Z = 0.037
"""Height of what is seen of the hub, on average [m]."""
SIDE = 0.095
"""From the hub's middle to where a bar is grasped [m]."""
ABOVE, GRASP, LIFTED = 0.09, 0.022, 0.14
"""Heights of the TCP [m]."""


class FrontCamera(Policy):
    """Looks once, chooses a bar by its noise key, and follows one path to the end."""

    description = "Colour threshold in the front picture, then a fixed path."

    def needs(self) -> Needs:
        """Ask for the hand and the front picture."""
        return Needs(("tcp_position", "tcp_rotation", "front_image"), image_size=128)

    def reset(self, episodes) -> None:  # noqa: ANN001
        """Choose a bar for each episode."""
        self.side = np.where(episodes.noise_keys % 2, SIDE, -SIDE)
        self.plan, self.step = None, 0

    def act(self, observation: dict[str, np.ndarray]) -> Decision:
        """Return the next eight actions of the path."""
        if self.plan is None:
            self.plan = self.path(**observation)
        steps = np.arange(self.step, self.step + 8).clip(max=self.plan.shape[1] - 1)
        self.step += 8
        return Decision(self.plan[:, steps])

    def path(self, tcp_position, tcp_rotation, front_image) -> np.ndarray:  # noqa: ANN001
        """Plan from the first picture, in a frame of the hub that is turned as the hand, (N, T, 10)."""
        hub = np.stack([on_plane(hub_pixel(picture), len(picture)) for picture in front_image])
        yaw = np.arctan2(tcp_rotation[:, 1], tcp_rotation[:, 0])  # of the axis along which the fingers open
        ahead = tcp_position[:, :2] - hub
        turn = np.stack([np.cos(yaw), np.sin(yaw)], 1)
        start = np.stack([(ahead * turn).sum(1), turn[:, 0] * ahead[:, 1] - turn[:, 1] * ahead[:, 0]], 1)
        goal = np.stack([np.zeros(len(hub)), self.side], 1)

        def at(place: np.ndarray, height: float) -> np.ndarray:
            return np.column_stack([place, np.full(len(hub), height)])

        hand = HandPath(np.column_stack([start, tcp_position[:, 2]]), 0.0)
        hand.line(at(start, ABOVE), 10).line(at(goal, ABOVE), 16).ease(at(goal, GRASP), 16).close(8)
        return hand.ease(at(goal, LIFTED), 20).wait(14).actions(np.column_stack([hub, yaw]))


def hub_pixel(picture: np.ndarray) -> np.ndarray:
    """Return the middle of the orange pixels of a picture (H, W, 3), or of all: right, down [pixels]."""
    red, green, blue = picture.astype(float).transpose(2, 0, 1)
    down, right = np.nonzero((red > 1.6 * green) & (green > 1.2 * blue) & (red > 80))
    if not len(right):  # too dark, or too bright
        return np.array(picture.shape[1::-1]) / 2
    return np.array([right.mean(), down.mean()]) + 0.5


def on_plane(pixel: np.ndarray, size: int) -> np.ndarray:
    """Return where the front camera sees a pixel at the height of the hub, world x, y [m]."""
    eye, axes = VIEWS["front"].frame()
    right, down = (2 * pixel / size - 1) * np.tan(np.radians(FOVY / 2))
    ray = axes @ np.array([right, -down, -1.0])
    return (eye + ray * (HUB_Z - eye[2]) / ray[2])[:2]
