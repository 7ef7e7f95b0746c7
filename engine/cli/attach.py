"""`wingman attach URL|NAME…`: the console on a server far away, or on several side by side."""

from __future__ import annotations

import os
import sys

from engine.client.launch import python_environment
from engine.client.servers import HERE, VARIABLE, Server, find, find_among
from engine.errors import UsageError
from engine.paths import find_home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from engine.cli.parser import Arguments, Parser


def arguments(parser: Parser, name: str) -> None:
    """Declare the arguments."""
    parser.argument(
        "servers", takes="+", metavar="SERVER",
        help="a name of `wingman server list`, https://… or ssh://…; several stand side by side, "
        "`local` is this machine",
    )  # fmt: skip


def execute(args: Arguments, name: str) -> int:
    """Make sure that it is there and lets us in, then become the console."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            "the console needs a terminal", "for scripts: wingman --server NAME list --json"
        )
    wanted = [word for given in args.servers for word in given.split(",") if word]
    alone = len(wanted) == 1
    words = [word if word == HERE and not alone else _made_known(word) for word in wanted]
    if not alone:
        find_among(words)
    os.environ[VARIABLE] = ",".join(words)
    words = [sys.executable, "-P", "-m", "wingman_tui"]
    os.execve(sys.executable, words, python_environment(find_home()))


def _made_known(word: str) -> str:
    """What names a server from now on; one that is new is looked at first."""
    server = find(word)
    if not server.is_ssh and not _is_known(server):
        from engine.cli.server import add

        server = add(server.name.partition(":")[0], server.entry)
    return server.name if _is_known(server) else server.url


def _is_known(server: Server) -> bool:
    from engine.client.servers import read_servers

    return server.name in read_servers()
