"""On which machines `bimodal evaluate` plays: here, a part of the run, a Ray cluster, or Slurm jobs."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from ..envs.errors import WrongUse
from .arguments import option, shard_part

if TYPE_CHECKING:
    from ..benchmark.evaluation.options import EvalOptions
    from ..benchmark.suites import Suite

_MOST_JOBS = 10_000


def slurm_jobs(text: str) -> Any:
    """Parse `N[,NAME=VALUE...]`; returns the number of jobs and what submitit is told of each.

    Raises:
        WrongUse: no number of jobs, or what is no name and value.
    """
    count, *pairs = text.split(",")
    told = [pair.partition("=") for pair in pairs]
    named = all(name.isidentifier() and value for name, _, value in told)
    if not (count.isdecimal() and 1 <= int(count) <= _MOST_JOBS and named):
        raise WrongUse(f"--slurm {text!r} is not N[,NAME=VALUE...], e.g. 16,timeout_min=60")
    return int(count), {name: int(value) if value.isdecimal() else value for name, _, value in told}


def ray_cluster(text: str) -> Any:
    """Parse `ADDRESS[,gpus=N]`; returns the address and the GPUs of each process.

    Raises:
        WrongUse: no address, or no such number of GPUs.
    """
    address, _, rest = text.partition(",")
    try:
        gpus = float(rest.removeprefix("gpus=")) if rest else 0.0
    except ValueError:
        gpus = -1.0
    if not address or not 0 <= gpus < 1000 or (rest and not rest.startswith("gpus=")):
        raise WrongUse(
            f"--ray {text!r} is not auto, local or HOST:PORT, or one of these with ,gpus=0.5 behind"
        )
    return address, gpus


Part = Annotated[
    Any,
    option("I/N", "play one of N parts alone, e.g. 2/3; bimodal merge joins them", shard_part),
]
Ray = Annotated[
    Any,
    option(
        "ADDRESS[,gpus=N]",
        "play on the machines of a Ray cluster: auto, local or HOST:PORT; gpus: of each process, e.g. 0.5",
        ray_cluster,
        default="this machine",
    ),
]
Slurm = Annotated[
    Any,
    option(
        "N[,NAME=VALUE]",
        "play in an array of N Slurm jobs, with parameters of submitit, e.g. 16,timeout_min=60",
        slurm_jobs,
        default="this machine",
    ),
]


class Where(NamedTuple):
    """Where a run is played; here if nothing is said."""

    ray: tuple[str, float] | None = None
    """Address of a Ray cluster, and GPUs of each of its processes."""
    slurm: tuple[int, dict[str, str | int]] | None = None
    """Number of Slurm jobs, and what submitit is told of each."""


def play(policy: str, panel: "Suite", options: "EvalOptions", where: Where) -> Path:
    """Play a run where it is to be played; returns its folder.

    Raises:
        WrongUse: options that do not go together.
    """
    from ..benchmark.evaluation.evaluate import evaluate

    if [bool(where.ray), bool(where.slurm), bool(options.part)].count(True) > 1:
        raise WrongUse("--shard, --ray and --slurm are three ways to use many machines; take one of them")
    if where.slurm:
        from ..benchmark.machines.slurm_jobs import SlurmJobs, evaluate_on_slurm

        count, told = where.slurm
        others = {name: value for name, value in told.items() if name != "cluster"}
        jobs = SlurmJobs(count, others, str(told.get("cluster", "slurm")))
        return evaluate_on_slurm(policy, panel, options, jobs)
    if where.ray:
        from ..benchmark.machines.ray_cluster import RayCluster

        cluster = RayCluster(*where.ray, options.threads, options.workers)
        options = replace(options, machines=cluster)
        with cluster:
            return evaluate(policy, panel, options)
    return evaluate(policy, panel, options)
