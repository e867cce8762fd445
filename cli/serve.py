"""`bimodal serve`: offers a policy over a WebSocket, in a dialect that others speak, too."""

from contextlib import suppress
from functools import partial
from typing import Annotated

from .arguments import (
    Checkpoints,
    Deadline,
    Sandbox,
    argument,
    choice,
    number,
    option,
    policy_names,
    task_option,
)

EXAMPLE = "bimodal serve flow --task PandaLiftDumbbell-v1 --port 8000"
DIALECTS = ("openpi", "vla-eval")

Policy = Annotated[
    str,
    argument(
        "POLICY",
        "name, file.py:Class, module:Class, or safe(...), bid(...), rtc(...), ensemble(...), best_of_n(...) "
        "around one",
        autocompletion=policy_names,
    ),
]
Tasks = Annotated[
    list[str] | None,
    task_option("offer it for this task (may be repeated)  [default: every task of core that it is fit for]"),
]
Port = Annotated[int, number("port; 0 for any that is free")]
Host = Annotated[str, option("ADDRESS", "where it listens; 0.0.0.0 lets other machines ask, too")]
Dialect = Annotated[str, choice("dialect", " or ".join(DIALECTS), DIALECTS)]


def run(
    policy: Policy,
    task: Tasks = None,
    port: Port = 8000,
    dialect: Dialect = "openpi",
    host: Host = "127.0.0.1",
    checkpoints: Checkpoints = None,
    deadline: Deadline = 30.0,
    sandbox: Sandbox = None,
) -> int:
    """Offer a policy to other machines and harnesses.

    It speaks the wire of openpi or vla-eval (WebSocket), to `bimodal evaluate` among others. It says what
    it sees and does when a client connects: names, shapes, units, frames, conventions. There is no password.
    Ctrl-C ends it.
    """
    from ..benchmark.serving.pool import Pool
    from ..benchmark.serving.served_policy import job_for, serve_for
    from ..benchmark.serving.server import LOCAL, PolicyServer, listen
    from ..benchmark.suites import SUITES
    from .console import console, notices

    say = partial(notices.print, markup=False)
    job = job_for(policy, checkpoints, deadline, sandbox)
    with listen(host, port) as place, Pool(job) as pool, suppress(KeyboardInterrupt):
        served = serve_for(policy, pool, task or SUITES["core"].tasks, bool(task), say)
        with PolicyServer(served, pool, dialect, place, say) as server, pool:  # its processes end first
            tasks = f"{len(served.tasks)} tasks" if len(served.tasks) > 1 else next(iter(served.tasks))
            only = "".join(f" --task {name}" for name in task or ())
            console.print(f"serving {served.name} for {tasks}: {server.uri}", markup=False, soft_wrap=True)
            console.print(f"bimodal evaluate {server.uri}{only}", markup=False, soft_wrap=True)
            console.print("Ctrl-C ends it", markup=False)
            if host != LOCAL:
                say("it has no password: whoever reaches this port may ask")
            server.serve_forever()
    console.print("ended", markup=False)
    return 0
