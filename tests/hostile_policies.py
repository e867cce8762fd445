"""Policies that misbehave, each in its own way. The tests name them by file: `hostile_policies.py:Class`."""

import random
import sys
import time

import numpy as np
from bimodal.policies import Decision, Needs, Policy
from bimodal.policies.experts import Expert


class NotANumber(Expert):
    def act(self, observation):
        chunk = super().act(observation).actions
        chunk[::2, 3, 1] = np.nan
        return Decision(chunk)


class NothingButNaN(Expert):
    def act(self, observation):
        chunk = super().act(observation).actions
        chunk[::2] = np.nan
        return Decision(chunk)


class Infinite(Expert):
    def act(self, observation):
        chunk = super().act(observation).actions
        chunk[::2, 0] = -np.inf
        return Decision(chunk)


class TooFar(Expert):
    def act(self, observation):
        chunk = super().act(observation).actions
        chunk[0, 0, 9] = np.nan
        chunk[2, 5, 9] = 0.5
        return Decision(chunk)


class BadLater(Expert):
    """Only what is executed counts: the second decision is bad, and so is all that nobody executes."""

    def act(self, observation):
        chunk = super().act(observation).actions
        if self._step == 32:
            chunk[::2, 15, 0] = 99.0
        return Decision(np.concatenate([chunk, np.full_like(chunk, np.nan)], axis=1))


class WrongShape(Expert):
    def act(self, observation):
        return Decision(super().act(observation).actions[:, :, :7])


class TooShort(Expert):
    def act(self, observation):
        return Decision(super().act(observation).actions[:, :3])


class TooFewRows(Expert):
    def act(self, observation):
        return Decision(super().act(observation).actions[1:])


class ReturnsNone(Expert):
    def act(self, observation):
        return None


class ReturnsText(Expert):
    def act(self, observation):
        return Decision("left, please")


class Ragged(Expert):
    def act(self, observation):
        return Decision([[1.0], [2.0, 3.0]])


class NeedsGrad(Expert):
    """A tensor that still asks for gradients refuses to become an array."""

    def act(self, observation):
        class Tensor:
            def __array__(self, *_, **__):
                raise RuntimeError("Can't call numpy() on Tensor that requires grad")

        return Decision(Tensor())


class RaisesBaseException(Expert):
    def act(self, observation):
        raise type("Sly", (BaseException,), {})("not an Exception")


class RaisesInAct(Expert):
    def act(self, observation):
        raise KeyError("left_bar")


class RaisesLater(Expert):
    def act(self, observation):
        if self._step:
            raise ValueError("only the first\nchunk")
        return super().act(observation)


class RaisesInReset(Expert):
    def reset(self, episodes):
        raise RuntimeError("no reset")


class Exits(Expert):
    def act(self, observation):
        sys.exit("goodbye")


class OutOfMemory(Expert):
    def act(self, observation):
        return np.empty((1 << 50,), np.float64)


class EvilMessage(Expert):
    def act(self, observation):
        raise ValueError("\ud800 \x1b[31m \n lone surrogate")


class UnreadableMessage(Expert):
    def act(self, observation):
        class Odd(Exception):
            def __str__(self):
                raise TypeError

        raise Odd


class Sleeps(Expert):
    def act(self, observation):
        time.sleep(60)


class SleepsInReset(Expert):
    def reset(self, episodes):
        time.sleep(60)


class Swallows(Expert):
    """Catches the interruption and comes back too late."""

    def act(self, observation):
        try:  # noqa: SIM105
            time.sleep(60)
        except Exception:
            pass
        return super().act(observation)


# ----------------------------------------------------------------------------------- odd, but harmless


class Slow(Expert):
    def act(self, observation):
        time.sleep(0.04)
        return super().act(observation)


class Seeds(Expert):
    def act(self, observation):
        random.seed(0), np.random.seed(0)  # noqa: NPY002
        np.seterr(all="raise")
        return super().act(observation)


class Scribbles(Expert):
    """Writes into everything it is given, and into everything it gave."""

    given = []  # noqa: RUF012

    def reset(self, episodes):
        super().reset(episodes)
        episodes.noise_keys[:] = 0

    def act(self, observation):
        for array in self.given:
            array[:] = 1e9
        decision = super().act(observation)
        for array in observation.values():
            array[:] = -1e9
        observation.clear()
        self.given.append(decision.actions)
        return decision


class Prints(Expert):
    def act(self, observation):
        print("x" * 2_000_000)
        return super().act(observation)


class FailsAlone(Expert):
    """Fails when its latency is measured, on one episode."""

    def act(self, observation):
        if len(observation["tcp_position"]) == 1:
            raise ValueError("never alone")
        return super().act(observation)


class List(Expert):
    def act(self, observation):
        return super().act(observation).actions.astype(object).tolist()


# ------------------------------------------------------------------------------------- not to be built


class RaisesInInit(Expert):
    def __init__(self, task):
        raise RuntimeError("no weights")


class ExitsInInit(Expert):
    def __init__(self, task):
        sys.exit(0)


class RaisesInNeeds(Expert):
    def needs(self):
        raise RuntimeError("needs nothing")


class NeedsText(Expert):
    def needs(self):
        return "everything"


class NeedsCamera(Policy):
    def needs(self):
        return Needs(observations=("tcp_positions",))


class HalfSteps(Policy):
    def needs(self):
        return Needs(n_action_steps=2.5)


class OldNeeds(Policy):
    """Its file is older than the name `n_action_steps`."""

    def needs(self):
        return Needs(execute=4)


class OddTraining(Expert):
    training = {"loss": object()}  # noqa: RUF012
