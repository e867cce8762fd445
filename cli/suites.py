"""`bimodal suites`: lists the suites."""

import re

from .arguments import Json

EXAMPLE = "bimodal suites"


def run(json: Json = False) -> int:
    """List the suites: their tasks, seeds and variants."""
    from ..benchmark.suites import SUITES
    from ..envs.seed_ranges import scene_seed
    from .console import console, print_json

    if json:
        print_json([suite.record().plain() for suite in SUITES.values()])
        return 0
    for suite in SUITES.values():
        shifted = len(suite.panel("")) if len(suite.variants) > 1 else 0
        scenes = len({scene_seed(seed) for seed in suite.seeds})
        often = (
            f", {scenes} scenes played {len(suite.seeds) // scenes} times"
            if scenes < len(suite.seeds)
            else ""
        )
        size = f"{len(suite.tasks)} tasks, {len(suite.seeds)} seeds each{often}"
        console.print(f"[bold]{suite.name}[/] {suite.version}: {size}")
        console.print(f"  tasks     {', '.join(suite.tasks)}", markup=False)
        more = (
            f"{_variants(suite.variants[1:])}, {shifted} seeds each" if shifted else "the clean world alone"
        )
        console.print(f"  variants  {more}", markup=False)
    return 0


def _variants(names: tuple[str, ...], most: int = 10) -> str:
    """Return the names, of many by perturbation: first its name, then its levels and magnitudes."""
    if len(names) <= most:
        return ", ".join(names)
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(re.split("[:=]", name)[0], []).append(name)
    shown = (f"{one} {' '.join(name.removeprefix(one) for name in some)}" for one, some in found.items())
    return f"{len(names)}: {', '.join(shown)}"
