"""`bimodal policies`: lists the policies that have a name."""

EXAMPLE = "bimodal policies"


def run() -> int:
    """List the policies that have a name.

    Your own is named by its file and class: file.py:Class.
    """
    from ..benchmark.report.terminal_tables import policy_table
    from .console import console

    console.print(policy_table())
    return 0
