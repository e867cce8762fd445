"""`bimodal tasks`: lists the tasks."""

from .arguments import Json

EXAMPLE = "bimodal tasks"


def run(json: Json = False) -> int:
    """List the tasks and their modes."""
    if json:
        from ..tasks import load_task, task_names
        from .console import print_json

        shown = ("id", "goal", "modes", "max_episode_steps", "objects")
        found = [load_task(name, check=False) for name in task_names()]
        print_json([{name: getattr(task, name) for name in shown} for task in found])
        return 0
    from ..benchmark.report.terminal_tables import task_table
    from .console import console

    console.print(task_table())
    return 0
