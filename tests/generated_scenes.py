"""Generated scenes for the tests of scene perturbations: their names, models and first states."""

import numpy as np
from bimodal.envs.perturbations.core.perturbation import overrides
from bimodal.envs.perturbations.core.registry import perturbations
from bimodal.envs.perturbations.core.variant import Variant
from bimodal.envs.scene_generation import generator
from bimodal.tasks import load_task
from perturbed_episodes import begin

DUMBBELL, POT, CUBE = "PandaLiftDumbbell-v1", "PandaLiftPot-v1", "PandaPickEitherCube-v1"


def scene_perturbations(hook):
    """Return the sorted names of the scene perturbations that override a hook."""
    kinds = perturbations().items()
    return sorted(name for name, kind in kinds if name.startswith("scene.") and overrides(kind, hook))


SCENES = scene_perturbations("perturb_scene")
"""Those that change what is felt."""
LOOKS = scene_perturbations("perturb_appearance")
"""Those that change what is seen only."""


def begun(task, variant, seeds):
    """Return a simulation of a task, by name, at the start of its episodes."""
    return begin(variant, seeds, load_task(task))


def model_of(task, variant, seed):
    """Return the compiled model of an episode's scene."""
    return Variant(variant).spec(load_task(task), seed).compile()


def played(task, variant, seeds, steps=30):
    """Return the states after an expert's first steps, (N, nstate)."""
    simulation = begun(task, variant, seeds)
    plan = simulation.task.plan(simulation, np.zeros(len(seeds), int))
    for step in range(steps):
        simulation.step(plan[:, step])
    return simulation.state()


def forget():
    """Have scenes drawn and judged anew."""
    generator._generate.cache_clear()
    generator._judged.cache_clear()
