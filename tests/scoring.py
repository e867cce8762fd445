"""Scoring a policy in a test: small panels, the records they leave, and what those must be."""

import pyarrow.parquet as pq
from bimodal.benchmark.rollout.shard import Shard, run_shard
from bimodal.benchmark.suites import SUITES, Suite
from bimodal.cli import main as cli
from bimodal.policies.experts import Expert
from bimodal.tasks import load_task

DUMBBELL, POST = "PandaLiftDumbbell-v1", "PandaPickAroundPost-v1"
VERSION = SUITES["smoke"].version
"""Part of the policies' noise keys."""

CLI = """
import sys
from bimodal.benchmark import suites
from bimodal.cli import main as cli
suites.SHARD_SIZE = 4
sys.exit(cli.main(sys.argv[1:]))
"""
"""The command line with shards of four episodes."""


def panel(count=12, tasks=(DUMBBELL, POST), start=0):
    """A panel without variants, on the policy noise of `smoke`."""
    return Suite("smoke*", VERSION, tuple(tasks), range(start, start + count))


def rows(run):
    return pq.read_table(run / "episodes.parquet").to_pylist()


def digests(run):
    return {(row["task"], row["seed"]): row["digest"] for row in rows(run)}


def expert_digests(count, tasks=(DUMBBELL,)):
    """What the expert's digests must be, from one shard each, without any evaluator."""
    found = {}
    for name in tasks:
        task = load_task(name)
        result = run_shard(task, Expert(task), Shard(name, "clean", 0, tuple(range(count))), VERSION)
        found |= {(name, seed): digest for seed, digest in enumerate(result.digests)}
    return found


def bimodal(*arguments, capsys=None):
    """Run the command line in this process; returns (exit code, output, error lines)."""
    code = cli.main([str(argument) for argument in arguments])
    out, err = capsys.readouterr() if capsys else ("", "")
    return code, out, [line for line in err.splitlines() if line.strip()]


def score(policy, out, *more, capsys, count=4, workers=0):
    return bimodal(
        *("evaluate", policy, "--suite", "smoke", "--task", DUMBBELL, "--seeds", count, "--out", out),
        *("--variant", "clean", "--workers", workers, "--no-videos", "--no-sandbox", *more),
        capsys=capsys,
    )
