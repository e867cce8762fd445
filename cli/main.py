"""The command `bimodal`: every verb of the suite, errors in one line, exit codes that mean something.

Exit codes: 0 fine, 1 the answer is no, 2 wrong use, 3 not comparable. The command line stands above all
rooms, the leaderboard included, so the commands import what they need when they run.
"""

import argparse
import difflib
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import NoReturn

from ..benchmark.evaluation.worker_process import DEBUG
from ..envs.errors import BimodalError
from .verbs import COMMANDS


class _Parser(argparse.ArgumentParser):
    """Says in one line what was wrong and what would be right."""

    def error(self, message: str) -> NoReturn:
        if "invalid choice" in message and (self._subparsers is not None):
            wrong = message.split("'")[1]
            near = difflib.get_close_matches(wrong, list(COMMANDS), n=2, cutoff=0.5)
            message = f"unknown command {wrong!r}" + (f"; did you mean {' or '.join(near)}?" if near else "")
        print(f"{self.prog}: {message}  (see: {self.prog} --help)", file=sys.stderr)
        raise SystemExit(2)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = _Parser(
        prog="bimodal",
        description="Does this policy commit to one good grasp, or average two good ones into a bad one?",
    )
    parser.add_argument("--version", action="version", version=f"bimodal {version('bimodal-bench')}")
    parser.add_argument("--debug", action="store_true", help="show the whole trace of an error")
    verbs = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=_Parser)
    for name, command in COMMANDS.items():
        text = (command.run.__doc__ or "").strip().splitlines()[0]
        verb = verbs.add_parser(name, help=text, description=text)
        for flags, options in command.arguments:
            verb.add_argument(*flags, **options)
        verb.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        verb.set_defaults(command=command.run)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    debug = "--debug" in (sys.argv[1:] if arguments is None else arguments)
    if debug:
        os.environ[DEBUG] = "1"
    try:
        options = build_parser().parse_args(arguments)
        return options.command(options)
    except BimodalError as error:
        if debug:
            raise
        print(f"bimodal: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        if debug:
            raise
        what = f"{error.strerror or error}" + (f": {error.filename}" if error.filename else "")
        print(
            f"bimodal: {what}; finished shards are kept, run the same command again to go on", file=sys.stderr
        )
        return 1
    except KeyboardInterrupt:
        print(
            "bimodal: stopped; finished shards are kept, run the same command again to go on", file=sys.stderr
        )
        return 130


if __name__ == "__main__":
    raise SystemExit(main())
