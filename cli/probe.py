"""`bimodal probe`: shows diffusion in its smallest form (docs/probe.md)."""

from functools import partial
from pathlib import Path
from typing import Annotated

from ..envs.errors import WrongUse
from .arguments import flag, option

EXAMPLE = "bimodal probe --learned --plot learned.svg"


def run(
    learned: Annotated[bool, flag("--learned", "with a trained denoiser and two right grasps")] = False,
    plot: Annotated[Path | None, option("FILE", "also draw it with matplotlib: .svg")] = None,
) -> int:
    """Add noise to a plan and denoise it again, level by level."""
    from ..benchmark.report import denoising_plot
    from ..benchmark.studies import denoising
    from ..envs.storage.atomic_write import write_text
    from .console import console

    if plot and plot.suffix != ".svg":
        raise WrongUse(f"--plot {plot} draws an SVG file; name it FILE.svg")
    if learned:
        with console.status("training a denoiser"):
            trained = denoising.run_learned()
        tables = denoising.learned_tables(trained)
        draw = partial(denoising_plot.learned_picture, trained)
    else:
        example = denoising.run_example()
        tables = [denoising.example_table(example)]
        draw = partial(denoising_plot.example_picture, example)
    for table in tables:
        console.print(table)
    if plot:
        picture = draw()
        plot.parent.mkdir(parents=True, exist_ok=True)
        write_text(plot, picture)
        console.print(f"picture  {plot}", markup=False)
    return 0
