"""`wingman server add NAME URL|list|rm NAME`: servers far away, by a name of your own."""

from __future__ import annotations

import base64
import os
import sys

from engine.cli.rows import print_rows
from engine.cli.terminal import clean, tell
from engine.client.http import Client
from engine.client.servers import (
    TOKEN_VARIABLE,
    Server,
    checked_url,
    keep,
    read_servers,
)
from engine.errors import NotAllowed, UnknownReference, UsageError
from engine.paths import find_home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from engine.cli.parser import Arguments, Parser

NAME_HINT = "letters, digits, . _ and -"


def arguments(parser: Parser, name: str) -> None:
    """Declare the arguments."""
    parser.argument("action", choices=("add", "list", "rm"))
    parser.argument("name", takes="?", metavar="NAME", help="what you call it, as prod")
    parser.argument("url", takes="?", metavar="URL", help="https://HOST:PORT or ssh://USER@HOST")
    parser.flag("--production", help="mark it: the console says so in its top line")
    parser.option("--token-file", metavar="FILE", help="read the token from this file, each time")
    parser.option("--token-command", metavar="CMD", help="a command that prints the token")
    parser.option(
        "--fingerprint", metavar="SHA256", help="trust this certificate without being asked"
    )
    parser.json_flag()


def execute(args: Arguments, name: str) -> int:
    """Do it."""
    if args.action == "list":
        _list(args.json)
        return 0
    if not args.name or (args.action == "add" and not args.url):
        raise UsageError("NAME is missing" if not args.name else "URL is missing")
    if args.action == "rm":
        if args.name not in read_servers():
            raise UnknownReference(f"there is no server named {args.name!r}", "wingman server list")
        keep(args.name, None)
        print(f"removed {clean(args.name)}")
        return 0
    if not args.name.replace("-", "").replace("_", "").replace(".", "").isalnum():
        raise UsageError(f"{args.name!r} is no name of a server", NAME_HINT)
    entry: dict[str, Any] = {"url": checked_url(args.url)}
    if args.production:
        entry["production"] = True
    if args.token_command:
        entry["token_command"] = args.token_command
    add(args.name, entry, args.fingerprint or "", args.token_file or "")
    return 0


def add(name: str, entry: dict[str, Any], fingerprint: str = "", token_file: str = "") -> Server:
    """Make sure of a server's certificate and of the token, then keep its entry."""
    server = Server(name, entry)
    if not server.is_ssh:
        _pin(server, fingerprint)
        _ask_token(server, token_file)
    me = Client(find_home(), server.transport()).request("GET", "/v1/me")
    keep(name, server.entry)
    tell(f"{clean(name)}: you are {clean(me['user'])} ({clean(me['role'])}) there")
    return server


def _pin(server: Server, fingerprint: str) -> None:
    """Trust what the system trusts; anything else only after a look at its fingerprint."""
    from engine.client.tls import NotTrusted, fingerprint_of

    transport = server.tls()
    if not fingerprint:
        try:
            transport.connect().close()
            return
        except NotTrusted:
            pass
    certificate = transport.look()
    found = fingerprint_of(certificate)
    wanted = fingerprint.replace(":", "").lower()
    if wanted and wanted != found:
        raise NotAllowed(
            f"{server.name} shows another certificate: {found}", "somebody may be in between"
        )
    if not wanted:
        _ask_trust(server, found)
    server.entry["certificate"] = base64.b64encode(certificate).decode("ascii")


def _ask_trust(server: Server, found: str) -> None:
    tell(f"the certificate of {clean(server.name)} is signed by nobody whom this system knows.")
    tell(f"its SHA-256: {found}")
    tell("`wingman serve` prints it when it starts; compare.")
    if not sys.stdin.isatty():
        raise NotAllowed("nobody is here to compare it", f"--fingerprint {found}, if it is right")
    if input("trust it from now on? [yes/no] ").strip().lower() != "yes":
        raise NotAllowed("not trusted")


def _ask_token(server: Server, token_file: str) -> None:
    if token_file:
        server.entry["token_file"] = os.path.abspath(os.path.expanduser(token_file))
    elif os.environ.get(TOKEN_VARIABLE) or "token_command" in server.entry:
        pass  # it comes from there each time
    elif sys.stdin.isatty():
        from getpass import getpass

        server.entry["token"] = getpass(f"token for {clean(server.name)}: ").strip()
    else:
        server.entry["token"] = sys.stdin.readline(1000).strip()
    if not server.token():
        raise UsageError("a token is missing", "an admin makes one there: wingman token create")


def _list(as_json: bool) -> None:
    rows = [
        {
            "name": name,
            "url": entry["url"],
            "production": bool(entry.get("production")),
            "pinned": "certificate" in entry,
        }
        for name, entry in sorted(read_servers().items())
    ]
    if not as_json:
        for row in rows:
            row["production"] = "production" if row["production"] else ""
            row["pinned"] = "pinned" if row["pinned"] else ""
    nothing = "no servers; add one: wingman server add NAME https://HOST:8443"
    print_rows(rows, as_json, ("name", "url", "production", "pinned"), nothing)
