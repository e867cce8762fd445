"""Measures robosuite's own Lift with a Panda, the peer that `bimodal speed` is compared with.

    .peers/bin/python tools/peer_lift.py [--steps 2000] [--seed 0] [--actions random|zero]

Runs in the environment that `make peers` builds, without rendering, with the default controller at 20 Hz, and
prints one JSON object. Only the process CPU time inside `env.step` counts, so other work on the machine moves
the result little. Resets and the first, compiling steps are left out, in the favour of the peer.
"""

import argparse
import hashlib
import json
import os
import sys
import time
from typing import Any

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", NUMBA_NUM_THREADS="1")

CONTROL_HZ = 20  # [1/s], as in Bimodal
EPISODE = 200  # control steps between resets, 10 s of simulated time
WARM_UP = 20  # control steps in which numba compiles


def make_lift(seed: int) -> Any:
    """The Lift environment with robosuite's defaults, without cameras."""
    import robosuite

    return robosuite.make(
        "Lift",
        robots="Panda",
        control_freq=CONTROL_HZ,
        horizon=EPISODE + WARM_UP,
        has_renderer=False,
        has_offscreen_renderer=False,
        use_camera_obs=False,
        seed=seed,
    )


def measure(env: Any, actions: Any) -> float:
    """The CPU time [s] of a control step for each row of `actions` (T, A), resetting after each episode."""
    seconds = 0.0
    for start in range(0, len(actions), EPISODE):
        env.reset()
        before = time.process_time()
        for action in actions[start : start + EPISODE]:
            env.step(action)
        seconds += time.process_time() - before
    return seconds


def main() -> None:
    """Parses the command line, measures, prints the JSON object."""
    parser = argparse.ArgumentParser(
        description="Measure robosuite's own Lift, control steps per second and core."
    )
    parser.add_argument("--steps", type=int, default=2000, help="control steps to measure")
    parser.add_argument("--seed", type=int, default=0, help="seed of the scenes and of the random actions")
    parser.add_argument(
        "--actions", choices=("random", "zero"), default="random", help="what the arm is told to do"
    )
    options = parser.parse_args()

    import mujoco
    import numpy as np
    import robosuite

    env = make_lift(options.seed)
    low, high = env.action_spec
    size = (options.steps, env.action_dim)
    scale = 1.0 if options.actions == "random" else 0.0
    actions = scale * np.random.default_rng(options.seed).uniform(low, high, size)
    measure(env, np.zeros((WARM_UP, env.action_dim)))
    seconds = measure(env, actions)

    physics_dt = env.sim.model.opt.timestep
    result = {
        "environment": "robosuite Lift, Panda",
        "robosuite": robosuite.__version__,
        "mujoco": mujoco.__version__,
        "controller": type(env.robots[0].part_controllers["right"]).__name__,
        "actions": options.actions,
        "seed": options.seed,
        "control_hz": CONTROL_HZ,
        "physics_dt": physics_dt,
        "substeps": round(1 / (CONTROL_HZ * physics_dt)),
        "control_steps": options.steps,
        "cpu_seconds": round(seconds, 3),
        "control_steps_per_second_per_core": round(options.steps / seconds, 1),
        "final_state_sha256": hashlib.sha256(env.sim.data.qpos.tobytes()).hexdigest(),
    }
    sys.stdout.write(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
