"""`bimodal policies`: lists the policies that have a name."""

from .arguments import Json

EXAMPLE = "bimodal policies"


def run(json: Json = False) -> int:
    """List the policies that have a name.

    Your own is named by its file and class: file.py:Class.
    """
    from ..benchmark.report.terminal_tables import described_policies, policy_table
    from .console import console, print_json

    if json:
        print_json([{"name": name, "what": what} for name, what in described_policies().items()])
    else:
        console.print(policy_table())
    return 0
