"""`wingman audit [verify]`: who did what, from where and why; and whether the record is whole."""

from __future__ import annotations

from engine.cli.rows import print_rows
from engine.cli.terminal import clean, print_json
from engine.client.http import with_query
from engine.client.launch import ensure_engine
from engine.paths import find_home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from engine.cli.parser import Arguments, Parser


def arguments(parser: Parser, name: str) -> None:
    """Declare the arguments."""
    parser.argument("verify", takes="?", choices=("verify",), help="check that nothing was changed")
    parser.option("--actor", metavar="NAME", help="what this user did")
    parser.option("--action", metavar="WORD", help="as run, cancel, refused, secret set")
    parser.option("--since", metavar="TIME", help="as 2h, 7d or 2027-01-31")
    parser.option("--text", metavar="TEXT", help="lines that hold this")
    parser.option("--limit", metavar="N", default=100, convert=int, help="at most so many; 100")
    parser.json_flag()


def execute(args: Arguments, name: str) -> int:
    """Print the newest lines, or what is wrong with the record: 1 then."""
    client = ensure_engine(find_home())
    if args.verify:
        return _verify(client.request("GET", "/v1/audit/verify", timeout_s=None), args.json)
    path = with_query(
        "/v1/audit", limit=args.limit, actor=args.actor, action=args.action, text=args.text,
        since=args.since,
    )  # fmt: skip
    rows = client.request("GET", path)["lines"]
    print_rows(
        rows, args.json, ("subject", "at", "actor", "origin", "action", "reason"),
        "nothing of that is in the audit",
    )  # fmt: skip
    return 0


def _verify(found: dict[str, Any], as_json: bool) -> int:
    if as_json:
        print_json(found)
    elif found["problems"]:
        for problem in found["problems"]:
            print(clean(problem))
    else:
        print(f"whole: {found['lines']} lines, {found['checkpoints']} signed checkpoints")
    return 1 if found["problems"] else 0
