"""Ways to break the file of the template: what is replaced by what, and what is said then."""

from added_tasks import POT, STOOL

METHOD = "    def poses(self)"


def method(text):
    """Put a method into the class."""
    return METHOD, f"{text}\n\n{METHOD}"


BROKEN = {
    "does not compile": (("class LiftStool(", "class LiftStool(("), "does not compile: "),
    "import": (("import numpy as np", "import nmpy as np"), "line 7 does not load: ModuleNotFoundError"),
    "raises": (("STEEL =", "1 / 0\nSTEEL ="), "does not load: ZeroDivisionError"),
    "exits": (("STEEL =", "raise SystemExit(0)\nSTEEL ="), "does not load: SystemExit"),
    "raises when built": (
        method("    def __init__(self):\n        self.x = {}['y']"),
        "does not load: KeyError",
    ),
    "no id": ((f'    id = "{STOOL}"', "    name = 0"), "states no id"),
    "no such id": ((STOOL, "stool"), "'stool' is no id"),
    "id exists": ((STOOL, POT), "lift_pot.py; raise its version or rename it"),
    "no task": (("class LiftStool(LiftTask)", "class LiftStool"), "no subclass of Task"),
    "no goal": (("    goal =", "    aim ="), "states no `goal`"),
    "docstring": (("**Randomised**", "Randomised"), "lacks **Randomised**:"),
    "modes": (('"right grip")', '"left grip")'), "two or more different names"),
    "grasps": ((", ALONG_X]]", "]]"), "does not load"),
    "grasps of one mode": ((", [0.0, -GRASP_Y, GRASP_Z, ALONG_X]]", "]"), "has the shape (1, 4)"),
    "equal grasps": (("[0.0, -GRASP_Y,", "[0.0, GRASP_Y,"), "the same row in grasps"),
    "more grasps": (method("    more_grasps = np.zeros((1, 4))"), "more_grasps has the shape (1, 4)"),
    "dead zone": (method("    dead_zone = (0.4, 0.6)"), "must cover 0.35 .. 0.65"),
    "supersedes another task": (
        method(f'    supersedes = "{POT}"'),
        f"supersedes is {POT!r}; it is the id of an earlier version of {STOOL!r}",
    ),
    "supersedes itself": (method(f'    supersedes = "{STOOL}"'), "the same name with a lower number"),
    "no tuple of informed steps": (method("    informed_steps = 4"), "as (4,)"),
    "no informed steps": (method("    informed_steps = ()"), "informed_steps is ()"),
    "no spread": (method("    hand_spread = (0.0, 0.003, 0.01)"), "each more than 0"),
    "too short": (("max_episode_steps = 100", "max_episode_steps = 60"), "raise max_episode_steps"),
    "an old name": (("max_episode_steps = 100", "horizon = 100"), "called `max_episode_steps` now"),
    "length in words": (
        ("max_episode_steps = 100", 'max_episode_steps = "5 s"'),
        "a whole number of control steps",
    ),
    "unknown part": (
        ('parts = ("left_grip",', 'parts = ("left_grp",'),
        "parts names 'left_grp', which is not watched; call scene.watch_fingers(geom, 'left_grp')",
    ),
    "no watch": (
        ('        scene.watch("block", "block")\n', ""),
        "forbidden names 'block', which is not watched; call scene.watch(geom, 'block')",
    ),
    "unknown sensor": (
        method(
            "    def measure(self, s):\n        return super().measure(s)._replace(table=s.force('tabel'))"
        ),
        "measure() fails: unknown sensor 'tabel': did you mean table",
    ),
    "unknown geom": (
        ('scene.watch("block",', 'scene.watch("blok",'),
        "build() watches an unknown geom 'blok': did you mean block",
    ),
    "unknown geom at the fingers": (
        ("scene.watch_fingers(name,", "scene.watch_fingers(name[1:],"),
        "build() watches an unknown geom 'eft_grip': did you mean left_grip",
    ),
    "no tuple": (('objects = ("stool",)', 'objects = ("stool")'), "objects = ('stool',)"),
    "no tuple of the forbidden": (
        ('forbidden = ("block",)', 'forbidden = ("block")'),
        "forbidden is 'block', one string; write a tuple",
    ),
    "too wide": (
        ("GRIP = (0.028,", "GRIP = (0.090,"),
        "'left_grip' is 9.0 cm wide where the mode 'left grip' closes the fingers, which open 8 cm; make it",
    ),
    "too wide when turned": (("GRASP_Z, ALONG_X], [", "GRASP_Z, 1.6], ["), "'left_grip' is 9.7 cm wide"),
    "weighs nothing": ((", STEEL, mass=0.02)", ", STEEL)"), "'left_grip' weighs nothing; give it a mass"),
    "the robot's name": (
        ('scene.movable("stool")', 'scene.movable("base")'),
        "repeated name 'base' in body; the robot, the table and the floor have names too, choose another",
    ),
    "unknown body": (
        ('objects = ("stool",)', 'objects = ("stoool",)'),
        "'stoool', but build() adds no such body",
    ),
    "no place": (('{"stool": (0.0, 0.0, 0.0)}', "{}"), "does not say where 'stool' rests"),
    "no grip": (("            scene.watch_fingers(name, name)\n", ""), "no grip is watched"),
    "unnamed": (
        (
            "        scene.watch(",
            '        scene.box(stool, "", GRIP, (0, 0, 0.1), RED)\n        scene.watch(',
        ),
        "1 of the geoms that build() adds have no name",
    ),
    "no scene": (("def build(", "def make("), "build() is missing"),
    "two floors": (('scene.box(stool, "block",', 'scene.box(stool, "floor",'), "build() fails: "),
    "below the table": (
        ('"stool": (0.0, 0.0, 0.0)', '"stool": (0.0, 0.0, -0.01)'),
        "10.0 mm inside each other",
    ),
    "in the air": (('"stool": (0.0, 0.0, 0.0)', '"stool": (0.0, 0.0, 0.05)'), "by itself in 0.5 s"),
    "far away": (("hand_start = (0.0,", "hand_start = (0.6,"), "cannot reach its start"),
    "start in the block": (("DECISION_Z + 0.06)", "0.03)"), "inside each other at the start"),
    "success": (
        method(
            "    def measure(self, s):\n        seen = super().measure(s)\n"
            "        return seen._replace(at_goal=seen.lift > -1)"
        ),
        "success is true at the start",
    ),
    "measure": (
        method("    def measure(self, s):\n        return super().measure(s)._replace(lift=np.zeros(3))"),
        "measure() gives lift as (3,)",
    ),
    "no expert": (
        method("    def path(self, start, modes):\n        return super().path(start, modes[modes < 1])"),
        "the mode 'right grip' has no expert",
    ),
    "no path": (
        method("    def path(self, start, modes):\n        raise NotImplementedError"),
        "the modes have no experts; write path()",
    ),
    "other lengths": (
        method("    def path(self, start, modes):\n        return super().path(start, modes).wait(modes[0])"),
        "all modes must take equally many",
    ),
    "early parting": (
        method(
            "    def path(self, start, modes):\n"
            "        return super().path(start + [[0, 0.01 * modes[0], 0]], modes)"
        ),
        "the modes part before step 16",
    ),
    "one plan": (
        method("    def path(self, start, modes):\n        return super().path(start, 0 * modes)"),
        "have the same plan",
    ),
}
