"""Policies with flaws that a trial should tell: `flawed_policies.py:Class`."""

import os

import numpy as np
from bimodal.envs.robot.inverse_kinematics import rotation_from_columns
from bimodal.policies import Decision, Policy
from bimodal.policies.experts import Expert


class CountsCalls(Expert):
    """Keeps a list in its class: what it does depends on the batches that its worker had before."""

    calls = []  # noqa: RUF012

    def act(self, observation):
        self.calls.append(None)
        chunk = super().act(observation).actions
        chunk[..., 0] += 1e-3 * len(self.calls)
        return Decision(chunk)


class Draws(Expert):
    """Draws from the global generator, which nobody seeds."""

    def act(self, observation):
        chunk = super().act(observation).actions
        chunk[..., 0] += np.random.normal(0, 1e-3)  # noqa: NPY002
        return Decision(chunk)


class ForgetsToReset(Policy):
    """Stands still, ever higher, in the next episode too."""

    steps = 0

    def act(self, observation):
        self.steps += 1
        position, rotation = observation["tcp_position"], observation["tcp_rotation"]
        opening = np.full((len(position), 1), 0.08)
        target = np.concatenate([position + [0, 0, 1e-3 * self.steps], rotation, opening], axis=1)
        return Decision(np.repeat(target[:, None], 8, axis=1))


class Holds(Policy):
    """Keeps the hand as it is."""

    def act(self, observation):
        return self.stay(observation, observation["tcp_rotation"])

    def stay(self, observation, rotation):
        target = [observation["tcp_position"], rotation, np.full((len(rotation), 1), 0.08)]
        return Decision(np.repeat(np.concatenate(target, axis=1)[:, None], 8, axis=1))


class HoldsWithRows(Holds):
    """Keeps the hand as it is, and writes its rotation as the first two rows of the matrix."""

    def act(self, observation):
        matrix = rotation_from_columns(observation["tcp_rotation"])
        return self.stay(observation, matrix[:, :2].reshape(-1, 6))


class ManyFaults(Expert):
    """Does four things wrong at once."""

    training = {"loss": object()}  # noqa: RUF012

    def act(self, observation):
        chunk = super().act(observation).actions
        chunk[..., 9] = 0.0801
        chunk[:, 2, 1] = -1e3
        observation["tcp_position"] -= 1
        return Decision(chunk)


class HalfPrecision(Expert):
    def act(self, observation):
        import torch

        return Decision(torch.tensor(super().act(observation).actions).bfloat16())


class Vanishes(Expert):
    def act(self, observation):
        os._exit(3)


class OnGpu:
    """Stands for a CUDA tensor of half precision, where there is no GPU."""

    __module__ = "torch.fake"
    dtype, device, layout, requires_grad = "torch.bfloat16", "cuda:0", "torch.strided", True

    def __init__(self, array):
        self.array = array

    def detach(self):
        return self

    def cpu(self):
        return self.array


class AllWrongAtOnce(Expert):
    """Answers one action in place of a chunk, on the GPU, in half precision, out of range."""

    def act(self, observation):
        actions = super().act(observation).actions[:, 0]
        actions[:, 9] = 0.09
        actions[:, 2] = -2.5
        return Decision(OnGpu(actions))


class WrongAction(Expert):
    """Answers the seven numbers of another action space, in a dict."""

    def act(self, observation):
        return {"actions": super().act(observation).actions[..., :7]}


class ReadsMore(Expert):
    """Reads a component that it does not ask for."""

    def needs(self):
        return super().needs()._replace(observations=("tcp_position", "tcp_rotation"))

    def act(self, observation):
        return super().act({"gripper_opening": observation["gripper_opening"]} | observation)


class Misspells(Expert):
    def act(self, observation):
        return Decision(observation["tcp_positions"])
