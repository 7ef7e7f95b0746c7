"""`wingman token create USER [--expires 90d] [--label TEXT]|list|revoke ID`."""

from __future__ import annotations

from engine.cli.rows import print_rows
from engine.cli.terminal import clean, print_json, tell
from engine.client.http import quote
from engine.client.launch import ensure_engine
from engine.errors import UsageError
from engine.paths import find_home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from engine.cli.parser import Arguments, Parser

DAYS = {"m": 1 / 1440, "h": 1 / 24, "d": 1.0, "w": 7.0}


def arguments(parser: Parser, name: str) -> None:
    """Declare the arguments."""
    parser.argument("action", choices=("create", "list", "revoke"))
    parser.argument(
        "name", takes="?", metavar="USER|ID", help="whose it is (create), or which one (revoke)"
    )
    parser.option("--expires", metavar="TIME", default="90d", help="how long it works, as 12h, 90d")
    parser.option("--label", metavar="TEXT", default="", help="what it is for, as laptop")
    parser.json_flag()


def execute(args: Arguments, name: str) -> int:
    """Do it; the token's text is printed once, on stdout, and nowhere kept."""
    if args.action != "list" and not args.name:
        what = "USER" if args.action == "create" else "ID"
        raise UsageError(f"{what} is missing", f"wingman token {args.action} {what}")
    days = _days(args.expires)
    client = ensure_engine(find_home())
    if args.action == "list":
        rows = client.request("GET", "/v1/tokens")["tokens"]
        for row in rows:
            row["state"] = (
                "works" if row["works"] else "revoked" if row["revoked_at"] else "expired"
            )
        print_rows(
            rows, args.json, ("id", "user", "state", "expires_at", "used_at", "label"),
            "no tokens; make one: wingman token create USER",
        )  # fmt: skip
        return 0
    if args.action == "revoke":
        answer = client.change("DELETE", f"/v1/tokens/{quote(args.name)}")
        words = f"revoked {clean(args.name)} of {clean(answer['user'])}"
    else:
        body = {"user": args.name, "days": days, "label": args.label}
        answer = client.change("POST", "/v1/tokens", body)
        words = answer["token"]
        tell(f"{clean(args.name)}'s token until {answer['expires_at']}; it is shown this once:")
    if args.json:
        print_json(answer)
    else:
        print(words)
    return 0


def _days(text: str) -> float:
    number, unit = text[:-1], text[-1:]
    if not number.isascii() or not number.isdigit() or unit not in DAYS:
        raise UsageError(f"--expires: {text!r} is no span of time", "such as 12h, 90d, 4w")
    return int(number) * DAYS[unit]
