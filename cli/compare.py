"""`bimodal compare`: whether a candidate is better than a baseline, on the same seeds."""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from ..envs.errors import NotComparable, WrongUse
from .arguments import Json, argument, option
from .gate import Case, exit_code, write_junit

if TYPE_CHECKING:
    from rich.table import Table

    from ..benchmark.comparison.arm import Arm
    from ..benchmark.comparison.methods import Method
    from ..benchmark.statistics.rates import Interval

EXAMPLE = "bimodal compare leaderboard/entries/core-mse.json runs/core-flow"


def run(
    arms: Annotated[
        list[str],
        argument(
            "BASELINE CANDIDATE...",
            "run folders, artifacts or entry files; NAME=RUN0,RUN1,RUN2 joins the trainings of one method",
        ),
    ],
    rule: Annotated[
        Path | None, option("FILE", "also apply this rule (TOML); it gives the exit code")
    ] = None,
    junit: Annotated[Path | None, option("FILE", "also write the verdict as JUnit XML, for CI")] = None,
    json: Json = False,
) -> int:
    """Compare policies on the same seeds.

    Of two, the first is the baseline. Exit code 0: the candidate is better, 1: worse, 2: undecided, 3: not
    comparable. Three or more get the ranks that each may have, with exit code 0.
    """
    joined = any(map(_is_joined, arms))
    _check_use(arms, joined, rule, junit)
    with ExitStack() as stack:
        if len(arms) > 2 and joined:
            return _many_methods([_method(text, stack) for text in arms], json)
        if len(arms) > 2:
            return _many([opened_arm(Path(text), stack) for text in arms], json)
        try:
            case = _methods(arms, stack, json) if joined else _two(arms, stack, rule, json)
        except NotComparable as error:
            _write(junit, arms, Case("comparable", str(error)))
            raise
    _write(junit, arms, case)
    return exit_code([case])


def _check_use(arms: list[str], joined: bool, rule: Path | None, junit: Path | None) -> None:
    """Refuse arguments that do not go together."""
    if len(arms) < 2:
        raise WrongUse(
            "compare needs a baseline and a candidate, e.g. bimodal compare runs/core-mse runs/core-flow"
        )
    if rule and (joined or len(arms) > 2):
        raise WrongUse("a rule compares one candidate with one baseline; name two run folders or entries")
    if junit and len(arms) > 2:
        raise WrongUse("--junit needs a verdict, and ranks are none; name a baseline and a candidate")


def _write(junit: Path | None, arms: list[str], case: Case) -> None:
    """Write the verdict for somebody's CI, if it was asked for."""
    if junit:
        write_junit(junit, f"bimodal compare {' '.join(arms)}", [case])


def opened_arm(path: Path, stack: ExitStack) -> "Arm":
    """Read a run folder, an artifact, which the stack closes, or an entry; also for `evaluate --against`."""
    from ..benchmark.artifact.read import open_run
    from ..leaderboard.entry import read_arm

    place = path if path.suffix == ".json" else stack.enter_context(open_run(path))
    return read_arm(place)._replace(source=str(path))


def _is_joined(text: str) -> bool:
    """Whether an argument joins runs to a method; a file may have any name."""
    return "=" in text and not Path(text).exists()


def _method(text: str, stack: ExitStack) -> "Method":
    """Read `NAME=RUN0,RUN1,...`, or one run alone."""
    from ..benchmark.comparison.methods import Method

    if not _is_joined(text):
        arm = opened_arm(Path(text), stack)
        return Method(arm.name, (arm,))
    name, _, runs = text.partition("=")
    paths = [Path(run) for run in runs.split(",") if run]
    if not name or not paths:
        raise WrongUse(f"{text!r} names no method; write NAME=RUN0,RUN1,RUN2")
    return Method(name, tuple(opened_arm(path, stack) for path in paths))


def _methods(sides: list[str], stack: ExitStack, json: bool) -> Case:
    """Print the comparison of two methods over their training seeds; returns the verdict."""
    from ..benchmark.comparison.methods import compare_methods
    from ..benchmark.comparison.plain import plain_methods
    from ..benchmark.comparison.sentences import method_sentences
    from ..benchmark.report.comparison_tables import method_tables
    from .console import print_json

    found = compare_methods(*(_method(text, stack) for text in sides))
    lines = method_sentences(found)
    code = found.verdict.value
    case = Case(f"{found.candidate.name} better than {found.baseline.name}", lines[0] if code else "", code)
    if json:
        print_json(plain_methods(found))
        return case
    _show(method_tables(found), lines)
    return case


def _two(sides: list[str], stack: ExitStack, file: Path | None, json: bool) -> Case:
    """Print the comparison of a candidate with a baseline; returns the verdict, or that of the rule."""
    from ..benchmark.comparison.compare import compare_two
    from ..benchmark.comparison.plain import plain_comparison
    from ..benchmark.comparison.rule import decide, lock_notes, read_rule
    from ..benchmark.comparison.sentences import comparison_sentences, decision_sentence
    from ..benchmark.report.comparison_tables import comparison_tables
    from .console import print_json

    terms = read_rule(file)
    baseline, candidate = (opened_arm(Path(text), stack) for text in sides)
    comparison = compare_two(baseline, candidate)
    decision = decide(comparison, terms, _unsafe(baseline, candidate) if file else None)
    lines = comparison_sentences(comparison)
    if file:
        notes = lock_notes(file, terms, candidate.created)
        lines += [decision_sentence(decision), *decision.reasons, *notes]
    code = (decision.verdict if file else comparison.verdict).value
    asked = "accepted by the rule" if file else f"better than {baseline.name}"
    case = Case(f"{candidate.name} {asked}", "; ".join(lines) if code else "", code)
    if json:
        print_json(plain_comparison(comparison, decision, terms))
        return case
    _show(comparison_tables(comparison), lines)
    return case


def _show(tables: "Iterable[Table]", lines: Sequence[str]) -> None:
    """Print tables, and under them what they say."""
    from .console import console

    for table in tables:
        console.print(table)
    for line in lines:
        console.print(line, markup=False)


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


def _many_methods(methods: "list[Method]", json: bool) -> int:
    """Print the ranks that each of several methods may have over its training seeds."""
    from ..benchmark.comparison.method_ranking import rank_methods
    from ..benchmark.comparison.plain import plain_method_ranking
    from ..benchmark.report.comparison_tables import method_ranking_table
    from .console import console, print_json

    ranking = rank_methods(methods)
    if json:
        print_json(plain_method_ranking(ranking))
        return 0
    console.print(method_ranking_table(ranking))
    for group in ranking.groups:
        names = ", ".join(group)
        console.print(f"not told apart: {names}" if len(group) > 1 else names, markup=False)
    return 0
