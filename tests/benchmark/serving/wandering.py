"""A policy for the tests of serving: noisy, remembers its steps, and fails where it is told to."""

import os

import numpy as np
from bimodal.policies import Decision, Needs, Policy


class Wanders(Policy):
    clip = True

    def needs(self):
        return Needs(observations=("tcp_position", "tcp_rotation"), n_action_steps=4)

    def reset(self, episodes):
        self.generators = [np.random.default_rng(int(key)) for key in episodes.noise_keys]
        self.steps = 0

    def act(self, observation):
        position, rotation = observation["tcp_position"], observation["tcp_rotation"]
        if position.max() > 5:
            os._exit(3)
        if position.max() > 4:
            raise ValueError("too far")
        if position.max() > 3:
            return Decision(np.zeros(3))
        self.steps += 1
        noise = np.stack([generator.normal(0, 1e-2, (6, 3)) for generator in self.generators])
        rest = np.concatenate([rotation, np.full((len(position), 1), 0.01 * self.steps)], axis=1)
        rest = np.repeat(rest[:, None], 6, axis=1)
        return Decision(np.concatenate([position[:, None] + noise, rest], axis=2))
