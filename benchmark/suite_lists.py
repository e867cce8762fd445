"""What the suites of `suites.py` hold: names of tasks and perturbations, written down once and for all."""

from ..envs.perturbations.core.perturbation import LEVELS
from ..envs.perturbations.core.variant import COMBO

SMOKE = ("PandaLiftDumbbell-v1", "PandaPickAroundPost-v1")
CORE = (
    "PandaLiftDumbbell-v1",
    "PandaPickAroundPost-v1",
    "PandaLiftPot-v1",
    "PandaPickEitherCube-v1",
    "PandaLiftMug-v1",
    "PandaLiftKnob-v1",
)
FULL = (
    *CORE,
    "PandaLiftTray-v1",
    "PandaLiftTBar-v1",
    "PandaLiftWrench-v1",
    "PandaSlideTwinKnob-v1",
    "TwoPandaHandover-v1",
    "PandaPlaceEitherNest-v1",
    "PandaLiftTrefoil-v1",
    "PandaLiftCross-v1",
)
HARD_1 = (
    "PandaLiftRing-v1",
    "PandaLiftFreeGrip-v1",
    "PandaPressBothButtons-v1",
    "PandaPressCuedSide-v1",
    "PandaPressThreeButtons-v1",
    "TwoPandaLiftAxle-v1",
)
"""The tasks of version 1: on three of them `bet` came close to the experts later."""
HARD = (
    "PandaPressBothButtons-v1",
    "PandaPressCuedSide-v1",
    "PandaPressCuedOrder-v1",
    "PandaPressThreeButtons-v1",
    "PandaPressMatchingPair-v1",
    "PandaPassSlalom-v1",
    "PandaLiftMovingDumbbell-v1",
    "TwoPandaPressSameSide-v1",
)
"""Tasks of memory, and one whose object moves; later ones join with the next version."""
VISION = (
    "PandaLiftDumbbell-v2",
    "PandaPickAroundPost-v2",
    "PandaLiftPot-v2",
    "PandaPickEitherCube-v2",
    "PandaLiftKnob-v2",
)
"""The tasks of `core-vision`, certified from pictures (`bimodal certify --vision`)."""
AT_LEVEL_2 = (
    "contact.friction:2",
    "contact.knock:2",
    "contact.push:2",
    "sensing.noise:2",
    "sensing.latency:2",
    "actuation.delay:2",
    "start.bias:2",
    "scene.size:2",
)
IN_PICTURES = (
    "scene.camera:2",
    "scene.lighting:2",
    "scene.texture:2",
    "scene.distractors:2",
    "sensing.camera_noise:2",
    "sensing.camera_blur:2",
    "sensing.camera_exposure:2",
    "sensing.latency:2",
)
"""What `core-vision` perturbs: what a camera sees, and how late."""
IN_WORDS = ("language.paraphrase:1", "language.paraphrase:2", "language.paraphrase:3", "scene.blocked:3")
"""What `instructed` perturbs: other words for the same mode, and a post where a mode's hand would be, so that
some instructions ask for what cannot be done."""
PERTURBATIONS = (
    "actuation.delay",
    "actuation.dropped",
    "actuation.gain",
    "actuation.gripper_speed",
    "actuation.jitter",
    "actuation.noise",
    "contact.com_offset",
    "contact.compliance",
    "contact.friction",
    "contact.grip_force",
    "contact.knock",
    "contact.knock_after",
    "contact.mass",
    "contact.pad_wear",
    "contact.push",
    "contact.slip",
    "horizon.short",
    "scene.blocked",
    "scene.camera",
    "scene.clutter",
    "scene.distractors",
    "scene.lighting",
    "scene.shape",
    "scene.size",
    "scene.table_height",
    "scene.table_tilt",
    "scene.texture",
    "sensing.bias",
    "sensing.camera_blur",
    "sensing.camera_exposure",
    "sensing.camera_noise",
    "sensing.dropout",
    "sensing.latency",
    "sensing.noise",
    "start.bias",
    "start.joints",
    COMBO,
)
"""What `full` version 3 perturbs: written down, so that a new perturbation, ours or not, changes no suite."""
EVERY_LEVEL = tuple(f"{name}:{level}" for name in PERTURBATIONS for level in LEVELS[1:])
SCENES = 20
"""Scenes of `diversity`."""
