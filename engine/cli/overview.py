"""`wingman help [COMMAND]`."""

from __future__ import annotations

import sys

from engine.cli.main import COMMANDS
from engine.cli.table import beside, broken
from engine.cli.terminal import width
from engine.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from engine.cli.main import Command
    from engine.cli.parser import Arguments, Parser

PROSE_COLUMNS = 96
REFERENCES = (
    "An execution is named by its number (nightly-backup#128), nightly-backup@last, "
    "nightly-backup@last-failed, @last, its id, or 6 or more characters of the id's start or end. "
    "A flow is named by its name; what contains / or ends in .yaml is a file.",
    "Exit codes: 0 completed, 1 failed, 2 bad usage or flow, 3 cancelled, 4 partial, "
    "5 not allowed, 6 no server. Data goes to stdout, everything else to stderr; --json makes it "
    "machine-readable.",
    "More about one: wingman help COMMAND",
)


def arguments(parser: Parser, name: str) -> None:
    """Declare the arguments."""
    parser.argument("command", takes="?", help="the one to explain")


def execute(args: Arguments, name: str) -> int:
    """Print the list of commands, or one command's help."""
    if args.command:
        return _explain(args.command)
    print("wingman: run, watch, explain and fix flows on this machine\n")
    rows = [("wingman", "open the console (on a terminal)")]
    rows += [(command, summary) for command, (_, summary) in COMMANDS.items()]
    columns = width(sys.stdout)
    for line in beside(rows, columns - 2):
        print(f"  {line}")
    for paragraph in REFERENCES:
        print("", *broken(paragraph, min(columns, PROSE_COLUMNS)), sep="\n")
    return 0


def _explain(name: str) -> int:
    from engine.cli.parser import Parser, nearest

    if name not in COMMANDS:
        meant = nearest(name, COMMANDS)
        raise UsageError(f"no command {name}", f"did you mean {meant}?" if meant else "")
    module_name, summary = COMMANDS[name]
    command: Command = __import__(f"engine.cli.{module_name}", fromlist=["execute"])
    parser = Parser(name, summary)
    command.arguments(parser, name)
    print(parser.help())
    return 0
