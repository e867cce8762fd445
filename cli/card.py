"""`bimodal card`: prints the form of a policy's contract card."""

from typing import Annotated

from .arguments import SUITES, Checkpoints, argument, choice, policy_names

EXAMPLE = "bimodal card flow --suite smoke"


def run(
    policy: Annotated[
        str, argument("POLICY", "name, file.py:Class or module:Class", autocompletion=policy_names)
    ],
    suite: Annotated[str, choice("suite", ", ".join(SUITES), SUITES)] = "core",
    checkpoints: Checkpoints = None,
) -> int:
    """Print the form of a policy's contract card.

    What is known of the policy stands in comments. Fill in the empty fields, such as the most likely failure
    and the result at which you would not use it, and hand the file to `bimodal evaluate --card FILE`: it is
    written down before the first episode.
    """
    from ..benchmark.evaluation.describe import describe
    from ..benchmark.evaluation.options import EvalOptions
    from ..benchmark.records.contract_card import Answers, ContractCard, known, template
    from ..benchmark.suites import find_suite
    from .console import console

    record = describe(policy, find_suite(suite), EvalOptions(checkpoints=checkpoints))
    card = ContractCard(known=known(record), stated=Answers())
    console.print(template(card), markup=False, soft_wrap=True)
    return 0
