"""`flow@seed0..4`: a method with the weights of several training seeds, for `bimodal evaluate`."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..envs.errors import WrongUse
from .arguments import CHECKPOINTS

if TYPE_CHECKING:
    from ..benchmark.evaluation.options import EvalOptions
    from ..benchmark.suites import Suite

_SEEDS = re.compile(r"(?P<policy>.+)@seed(?P<first>\d{1,9})(\.\.(?P<last>\d{1,9}))?")


def trainings_of(policy: str, panel: "Suite", options: "EvalOptions") -> "list[tuple[str, EvalOptions]]":
    """Return for each training seed the policy without it, and the options with which it is evaluated.

    Raises:
        WrongUse: the policy is not trained, or weights are missing; says the command that makes them.
    """
    if not (found := _SEEDS.fullmatch(policy)):
        if "@seed" in policy:
            raise WrongUse(f"{policy!r} names no training seeds; write e.g. flow@seed0..2 or flow@seed1")
        return [(policy, options)]
    first = int(found["first"])
    last = int(found["last"] or first)
    if last < first:
        raise WrongUse(f"{policy!r} names no training seeds: {last} is before {first}")
    name = found["policy"]
    folders = {seed: _folder(seed, options.checkpoints) for seed in range(first, last + 1)}
    _require_weights(name, panel, folders, options.checkpoints)
    return [
        (name, replace(options, checkpoints=folder, out=_place(name, seed, panel, options.out)))
        for seed, folder in folders.items()
    ]


def _folder(seed: int, checkpoints: Path | str | None) -> Path | None:
    """Return where `bimodal train --all --seeds` puts weights; None for the shipped ones, of seed 0."""
    from ..benchmark.train_all import TrainingOptions

    if not seed:
        return Path(checkpoints) if checkpoints else None
    return TrainingOptions(Path(checkpoints or CHECKPOINTS)).folder(seed)


def _place(name: str, seed: int, panel: "Suite", out: Path | str | None) -> Path:
    """Return the run folder of a training seed."""
    from ..benchmark.evaluation.evaluate import default_folder

    return Path(out) / f"seed-{seed}" if out else default_folder(panel.name, f"{name}-seed-{seed}")


def _require_weights(
    name: str, panel: "Suite", folders: dict[int, Path | None], checkpoints: Path | str | None
) -> None:
    """Refuse training seeds without weights, before anything runs."""
    from ..policies.core.checkpoint import checkpoint_path
    from ..policies.core.registry import policy_class
    from ..policies.core.wrapping import unwrapped

    method = getattr(policy_class(unwrapped(name)), "method", "")
    if not method:
        raise WrongUse(f"{name} has no training seeds: bimodal train does not make it")
    missing = [
        seed
        for seed, folder in folders.items()
        if folder and not all(checkpoint_path(folder, task, method).is_file() for task in panel.tasks)
    ]
    if missing:
        tasks = "".join(f" --task {task}" for task in panel.tasks) if panel.name.endswith("*") else ""
        out = f" --out {checkpoints}" if checkpoints else ""
        raise WrongUse(
            f"{name} has no weights of training seed {missing[0]} in {folders[missing[0]]}; make them: "
            f"bimodal train --all --methods {method} --seeds {missing[0]}..{missing[-1]} --suite "
            f"{panel.name.rstrip('*')}{tasks}{out}"
        )


def say_spread(policy: str, paths: Sequence[Path]) -> None:
    """Say how much the training seeds of `policy` (flow@seed0..2) differ, and how it is compared."""
    from ..benchmark.comparison.arm import arm_of_run
    from ..benchmark.comparison.methods import Method, seed_spread
    from ..benchmark.comparison.sentences import spread_sentence
    from ..benchmark.scoring.run_episodes import read_run
    from .console import notices

    name = policy.partition("@seed")[0]
    method = Method(name, tuple(arm_of_run(read_run(path)) for path in paths))
    notices.print(spread_sentence(seed_spread(method)), markup=False)
    notices.print(f"compare  {name}={','.join(map(str, paths))}", markup=False)
