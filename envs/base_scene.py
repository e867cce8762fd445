"""The clean scene of a task, built once in a process: building and compiling take far longer than a copy."""

import functools

import mujoco

from .task_protocol import TaskProtocol


@functools.lru_cache(maxsize=64)
def clean_spec(task: TaskProtocol) -> mujoco.MjSpec:
    """Return the task's own scene; copy it before you change it."""
    return task.spec()


@functools.lru_cache(maxsize=64)
def lean_spec(task: TaskProtocol) -> mujoco.MjSpec:
    """Return it without the shells, which are only seen and take most of the time to copy and compile.

    Shells are meshes that touch nothing and weigh nothing (`Scene.shell`).
    """
    spec = clean_spec(task).copy()
    meshes = [geom for geom in spec.geoms if geom.type == mujoco.mjtGeom.mjGEOM_MESH]
    for geom in [mesh for mesh in meshes if not mesh.contype and not mesh.conaffinity and mesh.mass == 0]:
        spec.delete(geom)
    used = {geom.meshname for geom in spec.geoms}
    for mesh in [mesh for mesh in spec.meshes if mesh.name not in used]:
        spec.delete(mesh)
    return spec


@functools.lru_cache(maxsize=64)
def clean_model(task: TaskProtocol) -> mujoco.MjModel:
    """Return the lean scene compiled; copy it before you change it."""
    return lean_spec(task).compile()
