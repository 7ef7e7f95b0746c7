"""`wingman secret set|list|rm|rotate`: values come by prompt or stdin, never by argument."""

from __future__ import annotations

import sys

from engine.cli.rows import print_rows
from engine.cli.terminal import clean, print_json
from engine.client.http import quote
from engine.client.launch import ensure_engine
from engine.errors import UsageError
from engine.paths import find_home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from engine.cli.parser import Arguments, Parser
    from engine.client.http import Client

LIMIT_BYTES = 1 << 20


def arguments(parser: Parser, name: str) -> None:
    """Declare the arguments."""
    parser.argument("action", choices=("set", "list", "rm", "rotate"))
    parser.argument(
        "name", takes="?", metavar="NAME", help="what the steps' variable is called, as DB_PASSWORD"
    )
    parser.json_flag()


def execute(args: Arguments, name: str) -> int:
    """Do it; `set` reads the value from a prompt, or from stdin where that is no terminal."""
    if args.action in ("set", "rm") and not args.name:
        raise UsageError("NAME is missing", f"wingman secret {args.action} NAME")
    if args.action in ("list", "rotate") and args.name:
        raise UsageError(f"{args.name!r} is one argument too many", f"wingman secret {args.action}")
    value = _read_value(args.name) if args.action == "set" else ""
    client = ensure_engine(find_home())
    if args.action == "list":
        rows = client.request("GET", "/v1/secrets")["secrets"]
        nothing = "no secrets; keep one: wingman secret set NAME"
        print_rows(rows, args.json, ("name", "set_at", "set_by"), nothing)
        return 0
    answer, words = _change(client, args, value)
    if args.json:
        print_json(answer)
    else:
        print(words)
    return 0


def _change(client: Client, args: Arguments, value: str) -> tuple[dict[str, Any], str]:
    """Ask for the change; the answer, and what it means."""
    if args.action == "rotate":
        answer = client.change("POST", "/v1/secrets/rotate")
        count = answer["secrets"]
        return answer, f"sealed under a new key: {count} secret{'' if count == 1 else 's'}"
    path = f"/v1/secrets/{quote(args.name)}"
    if args.action == "rm":
        return client.change("DELETE", path), f"removed {clean(args.name)}"
    answer = client.change("PUT", path, {"value": value})
    return answer, f"{'replaced' if answer['replaced'] else 'set'} {clean(args.name)}"


def _read_value(name: str) -> str:
    """The value, from a prompt or from stdin: without the line's end that `echo` adds."""
    if sys.stdin.isatty():
        from getpass import getpass

        value = getpass(f"{clean(name)}: ")
        if getpass("again: ") != value:
            raise UsageError("the two values are not the same")
        return value
    data = sys.stdin.buffer.read(LIMIT_BYTES)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise UsageError("the value is no UTF-8 text", "encode it, as with base64") from None
    text = text.removesuffix("\n")
    return text.removesuffix("\r")
