"""`bimodal tasks`: lists the tasks."""

EXAMPLE = "bimodal tasks"


def run() -> int:
    """List the tasks and their modes."""
    from ..benchmark.report.terminal_tables import task_table
    from .console import console

    console.print(task_table())
    return 0
