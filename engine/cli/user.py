"""`wingman user set|list|rm`: who may reach this engine from elsewhere, and in which role."""

from __future__ import annotations

from engine.cli.rows import print_rows
from engine.cli.terminal import clean, print_json
from engine.client.http import quote
from engine.client.launch import ensure_engine
from engine.errors import UsageError
from engine.paths import find_home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from engine.cli.parser import Arguments, Parser

ROLES = ("viewer", "operator", "editor", "admin")


def arguments(parser: Parser, name: str) -> None:
    """Declare the arguments."""
    parser.argument("action", choices=("set", "list", "rm"))
    parser.argument("name", takes="?", metavar="NAME")
    parser.option("--role", choices=ROLES, help="what the user may: each includes those before")
    parser.json_flag()


def execute(args: Arguments, name: str) -> int:
    """Do it."""
    if args.action != "list" and not args.name:
        raise UsageError("NAME is missing", f"wingman user {args.action} NAME")
    if args.action == "set" and not args.role:
        raise UsageError("--role is missing", f"one of {', '.join(ROLES)}")
    client = ensure_engine(find_home())
    if args.action == "list":
        rows = client.request("GET", "/v1/users")["users"]
        print_rows(
            rows, args.json, ("name", "role", "tokens", "set_at", "set_by"),
            "no users but you; add one: wingman user set NAME --role operator",
        )  # fmt: skip
        return 0
    path = f"/v1/users/{quote(args.name)}"
    if args.action == "set":
        answer = client.change("PUT", path, {"role": args.role})
        words = f"{clean(args.name)} is {args.role}"
    else:
        answer = client.change("DELETE", path)
        words = f"removed {clean(args.name)} and revoked every token of theirs"
    if args.json:
        print_json(answer)
    else:
        print(words)
    return 0
