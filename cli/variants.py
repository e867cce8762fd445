"""`bimodal variants`: lists the perturbations that a variant is made of."""

from .arguments import Json

EXAMPLE = "bimodal variants"


def run(json: Json = False) -> int:
    """List the perturbations: what each does, and how much.

    A variant is a perturbation and a level or a magnitude in its unit: contact.friction:2, sensing.latency=3.
    Several are joined by +.
    """
    from ..envs.perturbations.core.registry import perturbations
    from ..envs.perturbations.core.variant import COMBINED, COMBO
    from .console import console, print_json

    found = [
        {"name": name, "what": " ".join((kind.__doc__ or "").split("\n\n")[0].split())}
        | {"levels": kind.levels[1:], "unit": kind.unit}
        for name, kind in perturbations().items()
    ]
    if json:
        print_json(found)
        return 0
    from ..benchmark.rich_table import plain_table

    table = plain_table("Perturbations", f"{COMBO} is {', '.join(COMBINED)} together, all at its level")
    for column in ("perturbation", "levels 1, 2, 3", "what it is"):
        table.add_column(column, no_wrap=column == "perturbation")
    for one in found:
        magnitudes = ", ".join(f"{magnitude:g}" for magnitude in one["levels"])
        table.add_row(one["name"], f"{magnitudes} {one['unit']}", one["what"])
    console.print(table)
    return 0
