"""How little a process with a learned policy imports before its first decision."""

import subprocess
import sys

import pytest

BUILDS_NETWORKS = """
import sys, torch
from bimodal.policies.networks.film_resnet import ResFiLM
from bimodal.policies.networks.unet import UNet
ResFiLM(160, 5, torch.Generator())
UNet(16, 10, 5, torch.Generator())
print(*{"sympy", "torch.fx.experimental.symbolic_shapes"} & sys.modules.keys())
"""


@pytest.mark.slow
def test_building_networks_does_not_import_symbolic_shapes():
    """They cost every worker 5 s of CPU time where two processes share two cores."""
    done = subprocess.run([sys.executable, "-c", BUILDS_NETWORKS], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
