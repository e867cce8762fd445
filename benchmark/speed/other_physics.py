"""Runs the same episodes under another physics: other time steps, or robosuite's collision meshes.

The suite itself has one physics. These are the controls that show what its choice changes.
"""

import time
from collections.abc import Sequence
from typing import NamedTuple
from xml.etree import ElementTree

import mujoco
import numpy as np

from ...envs.robot.model_files import ROBOSUITE_MODELS
from ...envs.robot.panda import COLLISION_GROUP
from ...envs.simulation import Simulation
from ...envs.specs import CONTROL_HZ, PREFIXES
from ...tasks import Task
from ...tasks.core import episode_step
from ...tasks.core.referee import Referee, Verdict


class Physics(NamedTuple):
    """A way to simulate a task."""

    timestep: float
    """Physics time step [s]; must divide a control step."""
    meshes: bool = False
    """Whether the robot has robosuite's collision meshes instead of the lean shapes."""

    def __str__(self) -> str:
        """Return a name for a reader."""
        return f"{1e3 * self.timestep:g} ms{', mesh shapes' if self.meshes else ''}"


def _variant(task: Task, physics: Physics) -> Task:
    """Return a copy of a task with another physics; the suite itself has only one."""

    def spec() -> mujoco.MjSpec:
        scene = task.spec()
        scene.option.timestep = physics.timestep
        return with_meshes(scene) if physics.meshes else scene

    variant = type(task)()
    vars(variant).update(vars(task), spec=spec)
    return variant


def run_experts(
    task: Task, seeds: Sequence[int], physics: Physics, average: bool = True
) -> tuple[Verdict, float]:
    """Run experts, alternating modes, and then (if asked) the average of the modes on the same seeds.

    Returns:
        The verdicts of all episodes and the CPU time of the loop [s].
    """
    n = len(seeds)
    halves = 2 if average else 1
    substeps = round(1 / (CONTROL_HZ * physics.timestep))
    simulation = Simulation(_variant(task, physics), n * halves, substeps=substeps)
    simulation.reset([*seeds] * halves)
    modes = np.arange(n * halves) % 2
    plan = task.plan(simulation, modes)
    other = task.plan(simulation, 1 - modes)
    plan[n:] = (plan[n:] + other[n:]) / 2
    referee = Referee(task, n * halves)
    begin = time.process_time()
    for step in range(plan.shape[1]):
        episode_step.advance_and_judge(referee, simulation, plan[:, step], step)
        if referee.done.all():
            break
    return referee.verdict(), time.process_time() - begin


def with_meshes(spec: mujoco.MjSpec) -> mujoco.MjSpec:
    """Return a copy of a scene whose robot has robosuite's collision meshes; the finger pads stay."""
    spec = spec.copy()
    for geom in [geom for geom in spec.geoms if geom.group == COLLISION_GROUP]:
        if "_box" in geom.name or "_capsule" in geom.name:
            spec.delete(geom)
    for file in ("robots/panda/robot.xml", "grippers/panda_gripper.xml"):
        path = ROBOSUITE_MODELS / file
        root = ElementTree.parse(path).getroot()  # noqa: S314 (our own file)
        shapes = {mesh.get("name"): mesh.get("file") for mesh in root.iter("mesh")}
        for body in root.iter("body"):
            links = [link for prefix in PREFIXES if (link := spec.body(f"{prefix}{body.get('name')}"))]
            for geom in body.findall("geom"):
                if geom.get("mesh") and geom.get("conaffinity") != "0":
                    name = f"{geom.get('mesh')} shape"
                    if spec.mesh(name) is None:
                        spec.add_mesh(name=name, file=str(path.parent / str(shapes[geom.get("mesh")])))
                    for link in links:
                        link.add_geom(
                            type=mujoco.mjtGeom.mjGEOM_MESH,
                            meshname=name,
                            pos=_numbers(geom.get("pos"), "0 0 0"),
                            quat=_numbers(geom.get("quat"), "1 0 0 0"),
                            mass=0,
                            condim=int(geom.get("condim", "3")),
                            contype=0,
                            conaffinity=1,
                            group=COLLISION_GROUP,
                        )
    return spec


def _numbers(text: str | None, default: str) -> list[float]:
    return [float(part) for part in (text or default).split()]
