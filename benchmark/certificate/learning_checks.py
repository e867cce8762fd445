"""Gates 5 to 7 of a certificate: what is asked of the policies that `learning_gates.py` tries."""

from ...policies.core.dataset import CHUNK_SIZE
from ...tasks.core.task import Task
from .certificate import Check, percents
from .learning_gates import (
    CONTENDERS,
    INFORMING,
    N_ACTION_STEPS,
    TrialResults,
    TrialSetting,
    lengths_of,
    oracle_of,
)
from .trials import TrialResult

MSE_CEILING = 0.40
"""Gate 5: regression succeeds less often."""
ORACLE_FLOOR = 0.90
"""Gate 5: least success of the oracle that is told the mode."""
MARGIN = 0.50
"""Gate 5: least difference of the two."""
FLOW_FLOOR = 0.90
"""Gate 6: least success of the flow policy."""
FAIR = 0.50
"""Gate 6: its rarest mode's least part of a fair share."""
HEADROOM_CEILING = 0.70
"""Gate 6 of a task with headroom: most success of any of `CONTENDERS`."""

TOLD = "success when told"
"""Gate 5: how the measurement of the policy that is told more begins."""
LABELLED = "labelled mse"
"""Gate 5: what the policy that is told the mode is called; tasks that name no other are measured with it."""


def learning_checks(task: Task, results: TrialResults) -> list[Check]:
    """Return the checks of gates 5 to 7; a pure function of what came out of the trials."""
    drawn = (headroom_checks if task.informed_control else flow_checks)(task, results)
    return [*regression_checks(task, results), *drawn, *forgiven_checks(results)]


def regression_checks(task: Task, results: TrialResults) -> list[Check]:
    """Gate 5: regression fails where the same network succeeds when it is told the mode.

    A task with headroom names the policy that is told what the others lack, its informed control, which takes
    the place of the labelled network. Where the scene changes while a block is executed, it states a shorter
    block for it (`informed_steps`); what it does in longer ones is for information, and regression is asked
    in those alone.

    MIP and nearest neighbours are for information, by the success of their worse mode: successes in the
    rarest mode over its fair share of the episodes.
    """
    checks = []
    told = oracle_of(task)
    name = LABELLED if told == "mse_labelled" else told
    measured = f"{TOLD} {'the mode' if told == 'mse_labelled' else 'what others lack'}"
    for n in lengths_of(task):
        mse = _rates(results, "mse", n if n in N_ACTION_STEPS else N_ACTION_STEPS[0])
        if n in N_ACTION_STEPS:
            fails = max(mse) < MSE_CEILING
            value = percents(*mse)
            checks.append(Check(5, _name("mse", n), "success by training seed", value, "< 40 %", fails))
        oracle = _rates(results, told, n)
        asked = n in task.informed_steps
        able = min(oracle) >= max(ORACLE_FLOOR, max(mse) + MARGIN) if asked else None
        bound = ">= 90 %, mse + 50" if asked else ""
        checks.append(Check(5, _name(name, n), measured, percents(*oracle), bound, able))
    n = N_ACTION_STEPS[0]
    for method in INFORMING:
        worse = [one.worse_mode(len(task.modes)) for one in _found(results, method, n)]
        value = f"{percents(*_rates(results, method, n))}; {percents(*worse)}"
        checks.append(Check(5, _name(method, n), "success; of the worse mode", value, "", None))
    return checks


def flow_checks(task: Task, results: TrialResults) -> list[Check]:
    """Gate 6: the same network as a flow policy succeeds in all modes (gated at 8 executed actions)."""
    k = len(task.modes)
    checks = []
    for n in N_ACTION_STEPS:
        success = _rates(results, "flow", n)
        share = [result.minority(k) for result in _found(results, "flow", n)]
        value = f"{percents(*success)}; {percents(*share)}"
        asked = n == N_ACTION_STEPS[0]
        bound = f">= 90 %; >= {percents(FAIR / k)}" if asked else ""
        passed = min(success) >= FLOW_FLOOR and min(share) >= FAIR / k if asked else None
        checks.append(Check(6, _name("flow", n), "success; rarest mode's share", value, bound, passed))
    return checks


def headroom_checks(task: Task, results: TrialResults) -> list[Check]:
    """Gate 6 of a task with headroom: of the policies that draw a mode, the best falls short.

    That the task can be learnt is shown by its informed control, in gate 5.
    """
    k = len(task.modes)
    checks = []
    for method in CONTENDERS:
        for n in N_ACTION_STEPS if method == "flow" else N_ACTION_STEPS[:1]:
            success = _rates(results, method, n)
            share = [result.minority(k) for result in _found(results, method, n)]
            value = f"{percents(*success)}; {percents(*share)}"
            asked = n == N_ACTION_STEPS[0]
            passed = max(success) <= HEADROOM_CEILING if asked else None
            bound = f"<= {percents(HEADROOM_CEILING)} (headroom)" if asked else ""
            checks.append(Check(6, _name(method, n), "success; rarest mode's share", value, bound, passed))
    return checks


def forgiven_checks(results: TrialResults) -> list[Check]:
    """Gate 7: how much the rule carries that a forbidden touch ends the episode, on the same seeds."""
    checks = []
    for method, n in (("mean", 16), ("mse", 8), ("flow", 8)):
        ruled, free = (_found(results, method, n, forgiving)[0].success for forgiving in (False, True))
        value = f"{percents(ruled[: len(free)].mean())} -> {percents(free.mean())}"
        checks.append(Check(7, method, "success: rule -> no rule", value, "", None))
    return checks


def _name(method: str, n: int) -> str:
    return f"{method}, {n} of {CHUNK_SIZE}"


def _found(results: TrialResults, method: str, n: int, forgiving: bool = False) -> list[TrialResult]:
    """Return the results of all training seeds."""
    return [
        one
        for setting, one in results.items()
        if setting._replace(seed=0) == TrialSetting(method, 0, n, forgiving)
    ]


def _rates(results: TrialResults, method: str, n: int, forgiving: bool = False) -> list[float]:
    return [result.rate for result in _found(results, method, n, forgiving)]
