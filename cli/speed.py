"""`bimodal speed`: measures how fast the suite is."""

from typing import Annotated

from .arguments import flag

EXAMPLE = "bimodal speed --quick"


def run(
    quick: Annotated[
        bool, flag("--quick", "fewer rounds, and nothing that trains or starts other programs")
    ] = False,
) -> int:
    """Measure control steps per second, beside bare MuJoCo.

    After `make peers` robosuite's own Lift is measured too.
    """
    from ..benchmark.speed.speed import speed, speed_table
    from .console import console

    with console.status("measuring") as status:
        rows = speed(quick=quick, progress=status.update)
    console.print(speed_table(rows))
    return 0
