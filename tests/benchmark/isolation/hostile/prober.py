"""A policy that tries to break out. Named by `test_box`."""

import os

import network_and_files  # noqa: F401 (registers attempts)
import numpy as np
import processes_and_knowledge  # noqa: F401
from bimodal.policies import Decision, Needs, Policy
from registry_of_attempts import ATTEMPTS, HARMLESS


class Prober(Policy):
    """Makes every attempt when it is asked to act; column i of the answer is 1 where attempt i worked."""

    description = "tries to break out"

    def needs(self):
        return Needs(("tcp_position",))

    def act(self, observation):
        worked = []
        for function in (ATTEMPTS if os.environ.get("BIMODAL_SHUT_IN") else HARMLESS).values():
            try:
                worked.append(float(bool(function())))
            except BaseException:
                worked.append(0.0)
        return Decision(np.array(worked)[None, None])
