"""`bimodal compare`: whether a candidate is better than a baseline, on the same seeds."""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from .arguments import Json, argument, option

if TYPE_CHECKING:
    from ..benchmark.comparison.arm import Arm
    from ..benchmark.statistics.rates import Interval

EXAMPLE = "bimodal compare leaderboard/entries/core-mse.json runs/core-flow"


def run(
    arms: Annotated[list[Path], argument("BASELINE CANDIDATE...", "run folders, artifacts or entry files")],
    rule: Annotated[
        Path | None, option("FILE", "also apply this rule (TOML); it gives the exit code")
    ] = None,
    json: Json = False,
) -> int:
    """Compare policies on the same seeds.

    Of two, the first is the baseline. Exit code 0: the candidate is better, 1: worse, 2: undecided, 3: not
    comparable. Three or more get the ranks that each may have, with exit code 0.
    """
    from ..envs.errors import WrongUse

    if len(arms) < 2:
        raise WrongUse(
            "compare needs a baseline and a candidate, e.g. bimodal compare runs/core-mse runs/core-flow"
        )
    if rule and len(arms) > 2:
        raise WrongUse("a rule compares one candidate with one baseline; name two run folders or entries")
    with ExitStack() as stack:
        found = [opened_arm(path, stack) for path in arms]
        return _two(found[0], found[1], rule, json) if len(found) == 2 else _many(found, json)


def opened_arm(path: Path, stack: ExitStack) -> "Arm":
    """Read a run folder, an artifact, which the stack closes, or an entry; also for `evaluate --against`."""
    from ..benchmark.artifact.read import open_run
    from ..leaderboard.entry import read_arm

    place = path if path.suffix == ".json" else stack.enter_context(open_run(path))
    return read_arm(place)._replace(source=str(path))


def _two(baseline: "Arm", candidate: "Arm", file: Path | None, json: bool) -> int:
    """Print the comparison of a candidate with a baseline; returns the exit code."""
    from ..benchmark.comparison.compare import compare_two
    from ..benchmark.comparison.plain import plain_comparison
    from ..benchmark.comparison.rule import decide, lock_notes, read_rule
    from ..benchmark.comparison.sentences import comparison_sentences, decision_sentence
    from ..benchmark.report.comparison_tables import comparison_tables
    from .console import console, print_json

    terms = read_rule(file)
    comparison = compare_two(baseline, candidate)
    decision = decide(comparison, terms, _unsafe(baseline, candidate) if file else None)
    code = (decision.verdict if file else comparison.verdict).value
    if json:
        print_json(plain_comparison(comparison, decision, terms))
        return code
    for table in comparison_tables(comparison):
        console.print(table)
    lines = comparison_sentences(comparison)
    if file:
        notes = lock_notes(file, terms, candidate.created)
        lines += [decision_sentence(decision), *decision.reasons, *notes]
    for line in lines:
        console.print(line, markup=False)
    return code


def _unsafe(baseline: "Arm", candidate: "Arm") -> "Interval | None":
    """Return how unsafe recoveries differ, measured from the traces if need be; None for entries."""
    from ..benchmark.comparison.safety import unsafe_difference
    from .measures import measured

    if baseline.run is None or candidate.run is None:
        return None
    return unsafe_difference(measured(baseline.run), measured(candidate.run))


def _many(arms: "list[Arm]", json: bool) -> int:
    """Print the ranks that each of several policies may have."""
    from ..benchmark.comparison.plain import plain_ranking
    from ..benchmark.comparison.ranking import rank_arms
    from ..benchmark.report.comparison_tables import ranking_table
    from .console import console, print_json

    ranking = rank_arms(arms)
    if json:
        print_json(plain_ranking(ranking))
    else:
        console.print(ranking_table(ranking))
    return 0
