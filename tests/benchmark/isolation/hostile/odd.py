"""Policies of which one is honest; the others misbehave in ways that only a process of their own survives."""

import time
from pathlib import Path

import numpy as np
from bimodal.policies import Decision, Needs, Policy


class Rises(Policy):
    """Moves up a little, by noise of its own, and says how it planned."""

    description = "Moves up."

    def needs(self):
        return Needs(("tcp_position", "tcp_rotation"), n_action_steps=16)

    def reset(self, episodes):
        self._up = [np.random.default_rng(int(key)).uniform(0, 0.05) for key in episodes.noise_keys]

    def act(self, observation):
        n = len(observation["tcp_position"])
        up = observation["tcp_position"] + np.outer(self._up, [0, 0, 1])
        action = np.concatenate([up, observation["tcp_rotation"], np.full((n, 1), 0.08)], axis=1)
        return Decision(np.repeat(action[:, None], 16, axis=1))


class Loads(Rises):
    """Reads a file that lies beside it."""

    def __init__(self, task):
        super().__init__(task)
        Path(__file__).with_name("weights.safetensors").read_bytes()


class Prints(Rises):
    """Prints what would clear a terminal."""

    def act(self, observation):
        print("\033[2J" + "hello" * 3, flush=True)
        return super().act(observation)


class Raises(Rises):
    def act(self, observation):
        raise KeyError("left")


class Interrupts(Rises):
    def act(self, observation):
        raise KeyboardInterrupt


class Sleeps(Rises):
    def act(self, observation):
        time.sleep(99)


class TakesMemory(Rises):
    def act(self, observation):
        return Decision(np.ones(2**30))


class Exits(Rises):
    def act(self, observation):
        import os

        print("last words", flush=True)
        os._exit(7)


class Lies(Rises):
    """Writes on the channel itself, where an answer is expected."""

    def act(self, observation):
        import os
        import socket
        import stat
        import sys

        for word in (sys.argv[1],):
            if stat.S_ISSOCK(os.fstat(int(word)).st_mode):
                socket.socket(fileno=os.dup(int(word))).sendall(b"\xff" * 4096)
        return super().act(observation)


class Privileged(Rises):
    def needs(self):
        return Needs(privileged=True)
