"""`bimodal new-task`: writes the file of a new task, from the template `tasks/template.py`."""

import re
from pathlib import Path
from typing import Annotated

from ..envs.errors import BimodalError, WrongUse
from .arguments import argument, option

EXAMPLE = "bimodal new-task PandaLiftStool"
TEMPLATE = Path(__file__).parents[1] / "tasks" / "template.py"
_NAME = re.compile(r"Panda((?:[A-Z][a-z0-9]*){2,})(?:-v([0-9]+))?")
_WORD = re.compile(r"[A-Z][a-z0-9]*")


def run(
    name: Annotated[str, argument("NAME", "id of the new task: robot, verb, object")],
    out: Annotated[Path | None, option("PATH", "file or folder", default="./NAME.py in snake case")] = None,
) -> int:
    """Write the file of a new task: one that runs, to be changed."""
    from .console import console

    file = write_task(name, out)
    text = f"{file}: a task that runs; change its objects and waypoints (docs/add-a-task.md)"
    console.print(text, markup=False)
    steps = {
        f"bimodal view {file}": "look at it",
        f"bimodal certify {file} --quick": "gates 1 to 4",
        f"bimodal certify {file}": "all gates",
    }
    for line, text in steps.items():
        console.print(f"  {line:{len(str(file)) + 25}} # {text}", markup=False)
    return 0


def write_task(name: str, out: Path | None = None) -> Path:
    """Write a task file that runs.

    Args:
        name: the new task's id, with or without its version.
        out: the file or an existing folder; None for `./<id in snake case>.py`.

    Returns:
        The file.

    Raises:
        WrongUse: a name that is no id or that exists, or a file that exists.
    """
    from ..tasks import task_names
    from ..tasks.core.registry import place

    found = _NAME.fullmatch(name)
    if found is None:
        raise WrongUse(f"{name!r} is not the id of a task: robot, verb, object, e.g. PandaLiftStool")
    words = _WORD.findall(found[1])
    full = f"Panda{found[1]}-v{found[2] or 1}"
    if full in task_names():
        raise WrongUse(f"{full} exists already, in {place(full)}; take another name or raise the version")
    file = out or Path()
    file = file / f"{'_'.join(words).lower()}.py" if file.is_dir() else file
    if file.suffix != ".py":
        raise WrongUse(f"--out {file} is neither a folder that exists nor a .py file")
    try:
        with file.open("x") as stream:
            stream.write(filled(TEMPLATE.read_text(), full, words))
    except FileExistsError:
        raise WrongUse(f"{file} exists already and is left as it is; choose another --out") from None
    except OSError as error:
        raise BimodalError(f"cannot write {file}: {error.strerror}") from error
    return file


def filled(text: str, full: str, words: list[str]) -> str:
    """Return the template for another task.

    Args:
        text: the template, whose task is PandaLiftGadget-v1.
        full: the id.
        words: of the id, after the robot: the verb and the object's, e.g. ["Lift", "Bar", "Stool"].
    """
    thing = [word.lower() for word in words[1:]]
    names = {
        '"PandaLiftGadget-v1"': f'"{full}"',
        "LiftGadget": "".join(words),
        '"gadget"': f'"{"_".join(thing)}"',
        "gadget =": f"{'_'.join(thing)} =",
        "(gadget,": f"({'_'.join(thing)},",
        "gadget": " ".join(thing),
        "from ..envs": "from bimodal.envs",
        "from .": "from bimodal.tasks.",
    }
    return re.sub("|".join(map(re.escape, names)), lambda match: names[match[0]], text)
