"""The words of a comparison. The one place that can say "better", and only where a test has rejected."""

from math import ceil, exp, floor

from ..number_text import DECIMALS, bounds, p_text
from ..records.run_record import EarlyStop
from ..statistics.rates import ALPHA, Interval
from .arm import Arm
from .compare import Comparison, Verdict
from .methods import Method, MethodComparison, SeedSpread
from .rule import Decision

SEEDS_OF_A_METHOD = 3
"""Training seeds from which a side speaks for a method; fewer speak for these checkpoints."""


def verdict_sentence(comparison: Comparison) -> str:
    """Return what the panel says of the candidate, in one sentence."""
    a = subject(comparison.candidate)
    b = subject(comparison.baseline)
    p = p_text(comparison.p_value)
    told = f"{difference_text(comparison.difference)}, p {p}, {comparison.pairs:,} pairs"
    if comparison.verdict is Verdict.UNDECIDED:
        return f"undecided: success of {a} minus that of {b} is {told}"
    word = "better" if comparison.verdict is Verdict.BETTER else "worse"
    return f"{word}: {a} succeeds {'more' if word == 'better' else 'less'} often than {b}: {told}"


def unseen_sentence(comparison: Comparison) -> str:
    """Return what this panel could not see, in one sentence."""
    if comparison.scenes:
        return f"this panel plays {comparison.scenes:,} scenes several times, and counts scenes, not episodes"
    if comparison.detectable is None:
        seen = "this panel is too short for any difference at so few discordant pairs"
    else:
        least = 100 * comparison.detectable
        seen = f"this panel shows differences from {least:.1f} points on four times in five"
    if comparison.verdict is not Verdict.UNDECIDED:
        return seen
    needed = comparison.episodes_needed
    if needed is None:
        return f"{seen}; one as small as the one seen would take more than 20,000 pairs"
    return f"{seen}; one like the one seen would take about {max(needed, comparison.pairs):,} pairs"


def comparison_sentences(comparison: Comparison) -> list[str]:
    """Return everything that is said under the tables of a comparison."""
    return [verdict_sentence(comparison), unseen_sentence(comparison), time_sentence(comparison)]


def method_sentences(comparison: MethodComparison) -> list[str]:
    """Return what the panel says of a method against another, and how far their training seeds differ."""
    a = subject(comparison.candidate)
    b = subject(comparison.baseline)
    told = f"{difference_text(comparison.difference)}, training seeds and scenes drawn again"
    if comparison.verdict is Verdict.UNDECIDED:
        said = f"undecided: success of {a} minus that of {b} is {told}"
    else:
        word, often = ("better", "more") if comparison.verdict is Verdict.BETTER else ("worse", "less")
        said = f"{word}: {a} succeeds {often} often than {b}: {told}"
    return [said, *map(spread_sentence, comparison.spreads)]


def spread_sentence(spread: SeedSpread) -> str:
    """Return how much the training seeds of a method differ, and which succeeds least."""
    mean = f"{spread.name}: {100 * spread.mean.estimate:.1f} % {bounds(spread.mean)}"
    if spread.deviation is None:
        return f"{mean}, one run"
    seed, share = spread.worst
    return (
        f"{mean} over {len(spread.shares)} trainings, standard deviation {100 * spread.deviation:.1f} "
        f"points; worst: seed {seed} with {100 * share:.1f} %"
    )


def early_stop_sentence(candidate: Arm, stop: EarlyStop, verdict: Verdict) -> str:
    """Return what a run says that was to end when decided against a baseline."""
    panel = len(stop.asked.tasks) * stop.asked.seeds.count
    told = (
        f"{stop.only_candidate} pairs for it and {stop.only_baseline} against it, e-value "
        f"{exp(stop.log_evidence):.3g} ({1 / ALPHA:g} decide), after {stop.pairs:,} of {panel:,} pairs"
    )
    if verdict is Verdict.UNDECIDED:
        return f"undecided: {subject(candidate)} against {stop.against}: {told}"
    word, often = ("better", "more") if verdict is Verdict.BETTER else ("worse", "less")
    return f"{word}: {subject(candidate)} succeeds {often} often than {stop.against}: {told}"


def time_sentence(comparison: Comparison) -> str:
    """Return how long success takes, failures counting as the whole episode."""
    estimate, low, high = comparison.time
    told = f"{estimate:+.2f} s [{low:+.2f}, {high:+.2f}]"
    return f"time to success, a failure counting as the whole episode: {told}, candidate minus baseline"


def decision_sentence(decision: Decision) -> str:
    """Return what the rule says of the candidate."""
    words = {Verdict.BETTER: "accepted", Verdict.WORSE: "rejected", Verdict.UNDECIDED: "undecided"}
    return f"by the rule: {words[decision.verdict]}"


def subject(arm: Arm | Method) -> str:
    """Return how a side is called: a method only from three training seeds on, else its checkpoints."""
    if 0 < len(arm.training_seeds) < SEEDS_OF_A_METHOD:
        return f"{arm.name} (these checkpoints)"
    return arm.name


def difference_text(difference: Interval) -> str:
    """Return a difference of shares in points to a tenth, with its interval rounded outwards."""
    low = floor(1000 * round(difference.low, DECIMALS)) / 10
    high = ceil(1000 * round(difference.high, DECIMALS)) / 10
    return f"{100 * difference.estimate:+.1f} [{low:+.1f},{high:+.1f}]"
