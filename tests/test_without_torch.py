"""What works where no torch is installed: tasks, experts, pages; a learned policy says how to get it."""

import json
import os
import subprocess
import sys

import pytest

ASKS = """
import json, sys
from bimodal.cli.main import main
from bimodal.benchmark.report.terminal_tables import described_policies
from bimodal.benchmark.certificate import certify
from bimodal.leaderboard.site import build
words = "--quiet --no-videos --workers 0 --suite smoke --seeds 0..1 --task PandaLiftDumbbell-v1 --out".split()
codes = [main(["evaluate", policy, *words, sys.argv[1]]) for policy in ("expert", "flow")]
print(json.dumps([codes, described_policies()]))
"""


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """Exit codes of an expert and of a learned policy, what the policies are, and standard error."""
    missing = tmp_path_factory.mktemp("missing")
    for name in ("torch", "safetensors"):
        (missing / f"{name}.py").write_text(f"raise ModuleNotFoundError('no {name}', name='{name}')")
    out = tmp_path_factory.mktemp("run") / "run"
    environment = os.environ | {"PYTHONPATH": str(missing)}
    done = subprocess.run([sys.executable, "-c", ASKS, out], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return *json.loads(done.stdout.splitlines()[-1]), done.stderr


def test_an_expert_plays_and_a_learned_policy_is_refused_in_one_line(told):
    codes, _, err = told
    assert codes == [0, 2]
    assert (
        err.splitlines()[-1]
        == "bimodal: the policy 'flow' needs the package torch: pip install 'bimodal-bench[train]'"
    )


def test_the_list_of_policies_says_which_need_it(told):
    _, policies, _ = told
    assert policies["expert"].startswith("Scripted expert")
    assert "pip install 'bimodal-bench[train]'" in policies["diffusion"]
