"""The command `bimodal`: every command of the suite, errors in one line, exit codes that mean something.

Exit codes: 0 fine, 1 the answer is no, 2 wrong use, 3 not comparable, 130 interrupted (143 by SIGTERM, 129 by
SIGHUP). The command line stands above all rooms. A command imports what it needs when it runs, so help and
completion come at once.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import version
from keyword import iskeyword
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from ..envs.errors import BimodalError, WrongUse, missing_package, unknown_name
from .arguments import flag
from .evaluate import ENTRY_FOLDER
from .plain_output import print_plainly_where_needed, without_gl_library

COMMANDS = {
    name: import_module(f".{name.replace('-', '_')}{'_' * iskeyword(name)}", __package__)
    for name in (
        *("bench", "tasks", "policies", "suites", "variants", "new-task", "view", "scenes", "demos", "train"),
        *("card", "evaluate", "merge", "videos", "measures", "diagnose", "certify", "results", "probe"),
        *("review", "pack", "replay", "export", "import", "compare", "plan", "serve"),
        *("leaderboard", "audit", "submit", "check", "verify", "reproduce", "site", "speed"),
    )
}
"""The commands, in the order of the help text; each has `run`, whose docstring is its help, and `EXAMPLE`."""
GLOBAL = ("--debug", "--quiet")
"""Options of every command, which may stand anywhere."""
INTERRUPTED = 130
STOPS = ("SIGTERM", "SIGHUP")
"""Signals that stop a command as Ctrl-C does, so that nothing it started goes on; exit code 128 + number."""
GO_ON = "finished shards are kept, run the same command again to go on"
GOING_ON = {"bench", "train", "evaluate", "videos", "certify", "results", "reproduce"}
"""Commands that keep what is finished when they are stopped."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    words = spelled_out(sys.argv[1:] if arguments is None else arguments)
    print_plainly_where_needed()
    try:
        with _stops_raise() as came, without_gl_library():
            parser = build_parser()
            _refuse_typos(parser, words)
            code = parser.main(words, prog_name="bimodal", standalone_mode=False)
    except (BimodalError, OSError, typer.TyperException) as error:
        if "--debug" in words:
            raise
        print(said(error), file=sys.stderr)
        return getattr(error, "exit_code", 1)
    except ModuleNotFoundError as error:
        if "--debug" in words or not (missing := missing_package(error)):
            raise
        print(f"bimodal: this {missing}", file=sys.stderr)
        return WrongUse.exit_code
    if code == INTERRUPTED:
        print(f"bimodal: stopped{f'; {GO_ON}' if GOING_ON & {*words} else ''}", file=sys.stderr)
        return 128 + came[0] if came else code
    return code


@contextmanager
def _stops_raise() -> Iterator[list[int]]:
    """Let a signal of `STOPS` do what Ctrl-C does; yield where its number will stand if it comes."""
    came: list[int] = []

    def stop(number: int, frame: object) -> None:
        came.append(number)
        raise KeyboardInterrupt

    main_thread = threading.current_thread() is threading.main_thread()
    known = [getattr(signal, name) for name in STOPS if hasattr(signal, name) and main_thread]
    # Not where somebody else listens, or where none should (nohup).
    free = [number for number in known if signal.getsignal(number) == signal.SIG_DFL]
    for number in free:
        signal.signal(number, stop)
    try:
        yield came
    finally:
        for number in free:
            signal.signal(number, signal.SIG_DFL)


def _refuse_typos(parser: TyperGroup, words: Sequence[str]) -> None:
    """Refuse an unknown command or option at once; the parser would import first what only values need."""
    name = next((word for word in words if not word.startswith("-")), "")
    if not name or {"--help", "-h", "--version"} & set(words):
        return
    if name not in parser.commands:
        raise unknown_name("command", name, parser.commands)
    parameters = parser.commands[name].params
    known = [option for one in parameters for option in (*one.opts, *one.secondary_opts)]
    for word in words[words.index(name) + 1 :]:
        option = word.partition("=")[0]
        if word == "--":
            return
        if option.startswith("--") and option not in known:
            names = [one for one in known if one.startswith("-")]
            raise WrongUse(f"{unknown_name('option', option, names)}  (see: bimodal {name} --help)")


def spelled_out(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with --debug and --quiet before the command, and a folder after every --entry."""
    words = [word for word in arguments if word not in GLOBAL]
    begin = [word for word in GLOBAL if word in arguments]
    for word, follower in zip(words, [*words, "-"][1:], strict=True):
        begin.append(word)
        if word == "--entry" and follower.startswith("-"):
            begin.append(ENTRY_FOLDER)
    return begin


def said(error: BimodalError | OSError | typer.TyperException) -> str:
    """Return what was wrong, and where to read on, in one line."""
    if isinstance(error, BimodalError):
        return f"bimodal: {error}"
    if isinstance(error, OSError):
        what = f"{error.strerror or error}" + (f": {error.filename}" if error.filename else "")
        return f"bimodal: {what}; {GO_ON}"
    # Of the errors of typer only the base class is public, so what the others say is asked for by name.
    context = getattr(error, "ctx", None)
    parameter = getattr(error, "param", None)
    where = context.command_path if context else "bimodal"
    if context and hasattr(error, "possibilities"):
        options = (known.opts for known in context.command.get_params(context))
        names = [name for names in options for name in names if name.startswith("-")]
        what = str(unknown_name("option", getattr(error, "option_name", ""), names))
    elif parameter and hasattr(error, "param_type"):
        what = f"missing argument {parameter.name}"
    else:
        what = error.format_message()
    return f"{where}: {' '.join(what.split())}  (see: {where} --help)"


class _Commands(TyperGroup):
    """Says which command is missing or unknown."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args and not ctx.resilient_parsing:  # the shell completes with what is there
            raise WrongUse("name a COMMAND  (see: bimodal --help)")
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple:
        if args[0] not in self.commands:
            raise unknown_name("command", args[0], self.commands)
        return super().resolve_command(ctx, args)


class _Command(TyperCommand):
    """Leaves the type of positional arguments out of the help text."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the sections of arguments and options."""
        for title, kind in (("Arguments", "argument"), ("Options", "option")):
            found = [p.get_help_record(ctx) for p in self.get_params(ctx) if p.param_type_name == kind]
            rows = [(row[0].partition(" <")[0], row[1]) for row in found if row]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)


def build_parser() -> TyperGroup:
    """Return the parser of the whole command line."""
    settings = {"help_option_names": ["-h", "--help"]}
    app = typer.Typer(cls=_Commands, rich_markup_mode=None, context_settings=settings)
    app.callback(epilog="Example: bimodal evaluate flow --suite smoke")(_before_the_command)
    for name, module in COMMANDS.items():
        example = f"Example: {module.EXAMPLE}"
        app.command(name, cls=_Command, epilog=example, context_settings=settings)(module.run)
    parser = typer.main.get_command(app)
    assert isinstance(parser, TyperGroup)
    return parser


def _print_version(asked: bool) -> None:
    if asked:
        print(f"bimodal {version('bimodal-bench')}")
        raise typer.Exit


def _before_the_command(
    version: Annotated[
        bool, typer.Option("--version", help="show the version", callback=_print_version, is_eager=True)
    ] = False,
    debug: Annotated[bool, flag("--debug", "show the whole trace of an error")] = False,
    quiet: Annotated[bool, flag("--quiet", "show results alone, no progress")] = False,
) -> None:
    """Does this policy commit to one good grasp, or average two good ones into a bad one?"""
    if debug:
        from ..benchmark.evaluation.worker_process import DEBUG

        os.environ[DEBUG] = "1"
    if quiet:
        from .console import QUIET

        os.environ[QUIET] = "1"


if __name__ == "__main__":
    raise SystemExit(main())
