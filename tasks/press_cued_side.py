"""Hold down a button on the side a pointer came from; it rests in the middle when the hand must choose."""

from ..envs.scene import Scene
from .pointer import POINTER_Y, PointerTask
from .sides import DECISION_Z, PressSideTask

POINTER_RATE = 20.0
"""How fast its spring draws the pointer to the middle [1/s]; critically damped, it is 0.2 mm from there after
8 control steps, and 0.1 micrometre when the hand must choose a side."""


class PressCuedSide(PressSideTask, PointerTask):
    """Hold down one of the two buttons on the side from which the pointer came.

    **Goal**: keep one of the two buttons on the cued side down for half a second.
    **Randomised**: the console's position (x +-3 cm, y +-4 cm) and yaw (+-10 degrees); from which side the
    pointer comes; the hand starts above the bar (x +-5 mm, y +-3 mm, z +-1 cm).
    **Success**: a button of the cued side is down for 10 control steps; the near and the far one are equally
    good. The pointer rests in the middle before the hand must choose a side, so a policy must remember
    where it came from. Touching the bar, or a button of the other side, ends the episode.
    """

    id = "PandaPressCuedSide-v1"
    goal = "Hold down a button on the side from which the pointer came, without touching the bar."
    max_episode_steps = 55
    hand_start = (0.0, 0.0, DECISION_Z + 0.06)
    informed_control = "flow:16"

    def build(self, scene: Scene) -> None:
        self.add_console(scene, self.buttons)
        self.add_pointer(scene, self.add_rail(scene), POINTER_Y, POINTER_RATE)


class PressCuedSideV2(PressCuedSide):
    """Hold down a button as in version 1, with less time to hesitate.

    **Goal**: keep one of the two buttons on the cued side down for half a second.
    **Randomised**: as in version 1.
    **Success**: as in version 1, but an episode ends after 50 control steps instead of 55, so that an expert
    who begins two executed blocks late is too late.
    """

    id = "PandaPressCuedSide-v2"
    supersedes = "PandaPressCuedSide-v1"
    max_episode_steps = 50
