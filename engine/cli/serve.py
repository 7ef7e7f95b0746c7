"""`wingman serve`: the engine of this home in the foreground, also on TCP with TLS.

An engine that runs already is asked to end first; its steps run on and are taken over.
"""

from __future__ import annotations

import os
import sys

from engine.cli.terminal import tell
from engine.client.http import Client
from engine.client.launch import make_home, python_environment, stop
from engine.errors import Unavailable, UsageError
from engine.paths import find_home
from engine.serving import DEFAULT_HOST, DEFAULT_PORT, Serving

TYPE_CHECKING = False
if TYPE_CHECKING:
    from engine.cli.parser import Arguments, Parser


def arguments(parser: Parser, name: str) -> None:
    """Declare the arguments."""
    parser.option(
        "--host", default=DEFAULT_HOST, help=f"the address to listen on; {DEFAULT_HOST} without it"
    )
    parser.option(
        "--port", default=DEFAULT_PORT, convert=int, help=f"the port; {DEFAULT_PORT} without it"
    )
    parser.option("--tls-cert", metavar="FILE", default="", help="a certificate (PEM) of your own")
    parser.option("--tls-key", metavar="FILE", default="", help="its key, where it is not in it")
    parser.option("--name", each=True, help="another name by which clients may call this server")
    parser.flag("--install", help="write a systemd user unit that does this, instead of doing it")


def execute(args: Arguments, name: str) -> int:
    """Check, make room, and become the engine."""
    serving = serving_of(args)
    home = find_home()
    from engine.config import read_config

    read_config(home.config_file)  # an engine that runs is not given up for one that cannot
    make_home(home)
    if args.install:
        from engine.cli.install import install

        print(install(home, ("engine.cli.main", "serve", *serving.options())))
        return 0
    try:
        tokens = Client(home).request("GET", "/v1/tokens")["tokens"]
        if not any(token["works"] for token in tokens):
            raise UsageError(
                "nobody has a token yet, so nobody could be let in",
                "wingman user set NAME --role operator, then wingman token create NAME",
            )
        last = stop(home)
        tell(f"took over from the engine that ran here (pid {last['pid']})")
    except Unavailable:
        pass
    words = [sys.executable, "-P", "-X", "utf8", "-m", "engine.life", "--stay", serving.word()]
    os.execve(sys.executable, words, python_environment(home))


def serving_of(args: Arguments) -> Serving:
    """Where to listen, checked as far as it can be before the engine starts."""
    if not 0 <= args.port <= 65535:
        raise UsageError(f"--port: {args.port} is no port", "0 to 65535; 0 takes a free one")
    if args.tls_key and not args.tls_cert:
        raise UsageError("--tls-key without --tls-cert", "name both")
    cert, key = (os.path.abspath(file) if file else "" for file in (args.tls_cert, args.tls_key))
    files = (cert, key)
    for file in filter(None, files):
        if not os.access(file, os.R_OK):
            raise UsageError(f"{file} cannot be read")
    if args.tls_cert:
        from engine.tls import server_context

        server_context(*files)
    return Serving(args.host, args.port, files[0], files[1], args.name)
