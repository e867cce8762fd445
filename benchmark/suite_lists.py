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
_MEMORY = (
    "PandaPressCuedOrder-v1",
    "PandaPressThreeButtons-v1",
    "PandaPressMatchingPair-v1",
    "PandaPassSlalom-v1",
)
"""What versions 2 to 4 share."""
HARD_2 = (
    "PandaPressBothButtons-v1",
    "PandaPressCuedSide-v1",
    *_MEMORY,
    "PandaLiftMovingDumbbell-v1",
    "TwoPandaPressSameSide-v1",
)
"""The tasks of version 2: on the moving dumbbell `gmm` came close to the method that is told the mode."""
HARD_3 = (
    "PandaPressBothButtons-v1",
    "PandaPressCuedSide-v1",
    *_MEMORY,
    "PandaInsertCuedPeg-v1",
    "TwoPandaPressSameSide-v1",
)
"""The tasks of version 3: on the first two an average stays harmless for two blocks."""
HARD = (
    "PandaPressBothButtons-v2",
    "PandaPressCuedSide-v2",
    *_MEMORY,
    "PandaInsertCuedPeg-v1",
    "TwoPandaPressSameSide-v1",
)
"""Tasks of memory: what decides is not seen any more, and an average is fatal within two executed blocks;
later ones join with the next version."""
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
DOSES = {
    "actuation.delay": ":2 =3 :3 =6 =8 =12",
    "actuation.dropped": "=0.375 :3 =0.75",
    "actuation.gain": "=0.253 =0.16",
    "actuation.jitter": ":2 =3 :3 =6 =8 =12",
    "contact.friction": "=0.027",
    "contact.knock": ":2 =1.5 :3 =3 =4 =6",
    "contact.knock_after": "=3",
    "contact.mass": "=9 =27",
    "contact.pad_wear": "=0.125 =0.0625 =0.0156",
    "contact.push": "=3 :3 =6 =8 =12",
    "contact.slip": "=6 =9",
    "horizon.short": ":1 =0.671 :2 =0.548 :3",
    "scene.blocked": ":3",
    "scene.camera": ":1 :2 :3",
    "scene.lighting": ":1 :2 :3",
    "scene.size": "=22.5 =30 =45",
    "scene.texture": ":1 :2 :3",
    "sensing.bias": ":2 =15 :3 =30 =40 =60",
    "sensing.camera_blur": ":1 :2 :3",
    "sensing.camera_exposure": ":1 :2 :3",
    "sensing.camera_noise": ":1 :2 :3",
    "sensing.dropout": "=1",
    "sensing.latency": ":2 =3 :3 =6 =8 =12",
    "sensing.noise": ":1 =3.5 :2 =7.5 :3 =15 =20 =30",
    "start.bias": ":3 =0.45 =0.6 =0.9",
    "start.joints": "=0.025 :1 =0.075 :2 =0.15 :3 =0.3 =0.4 =0.6",
    "combo": ":1 :2 :3",
}
"""What `full` version 4 plays of each perturbation; `bimodal results --doses` prints it."""
AT_DOSES = tuple(f"{name}{one}" for name, text in DOSES.items() for one in text.split())
EVERY_LEVEL = tuple(f"{name}:{level}" for name in PERTURBATIONS for level in LEVELS[1:])
SCENES = 20
"""Scenes of `diversity`."""
