"""`wingman alerts [list|ack ID…|test CHANNEL…]`: what people were told, and if it came through."""

from __future__ import annotations

import sys
import time

from engine.cli.format import age, local_time
from engine.cli.table import Column, lay_out
from engine.cli.terminal import clean, clean_lines, print_json, tell, width
from engine.client.http import segment, with_query
from engine.client.launch import ensure_engine
from engine.errors import UsageError
from engine.paths import find_home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from engine.cli.parser import Arguments, Parser

ACTIONS = ("list", "ack", "test")


def arguments(parser: Parser, name: str) -> None:
    """Declare the arguments."""
    parser.argument("action", takes="?", choices=ACTIONS)
    parser.argument("names", takes="*", metavar="NAME", help="ack: their numbers; test: channels")
    parser.option("-n", "--limit", metavar="N", help="at most so many", default=20, convert=int)
    parser.json_flag()


def execute(args: Arguments, name: str) -> int:
    """List deliveries, acknowledge some, or try channels."""
    client = ensure_engine(find_home())
    action = args.action or "list"
    if action == "list":
        if args.names:
            raise UsageError(f"{args.names[0]!r} is one argument too many", "list takes none")
        return _list(client.request("GET", with_query("/v1/alerts", limit=args.limit)), args.json)
    if not args.names:
        what = "the number of an alert" if action == "ack" else "a channel of config.toml"
        raise UsageError("NAME is missing", f"{action} takes {what}")
    if action == "ack":
        for number in args.names:
            alert = client.request("POST", f"/v1/alerts/{segment(number)}/ack", {})
            tell(f"acknowledged: {clean(alert['title'])}")
        return 0
    answers = [client.request("POST", "/v1/alerts/test", {"channel": c}) for c in args.names]
    for answer in answers:
        _tell_test(answer)
    return 1 if any(answer["error"] for answer in answers) else 0


def _tell_test(answer: dict[str, Any]) -> None:
    """What became of a test; of a channel with several addresses, what became of each."""
    one_by_one = len(answer["addresses"]) > 1
    words = "sent"
    if answer["error"]:
        words = "failed" if one_by_one else f"failed: {clean_lines(answer['error'])}"
    tell(f"{clean(answer['channel'])}: {words}")
    for one in answer["addresses"] if one_by_one else ():
        error = f": {clean_lines(one['error'])}" if one["error"] else ""
        tell(f"  {clean(one['address'])}: {one['state']}{error}")


def _list(answer: dict[str, Any], as_json: bool) -> int:
    if as_json:
        for row in answer["alerts"]:
            print_json(row)
    elif answer["alerts"]:
        columns = [
            Column("ID", right=True),
            Column("WHEN"),
            Column("TO", shrink=1, least=6),
            Column("ALERT", shrink=2, least=16, middle=True),
            Column("STATE", shrink=3, least=12),
        ]
        now_s = time.time()
        rows = [_row(alert, now_s) for alert in answer["alerts"]]
        for line in lay_out(columns, rows, width(sys.stdout)):
            print(line)
    else:
        known = ", ".join(map(clean, answer["channels"])) or "none; see [channels] in config.toml"
        tell(f"no alerts yet. Channels: {known}")
    return 0


def _row(alert: dict[str, Any], now_s: float) -> list[str]:
    state = alert["state"]
    if alert["leader"] not in (None, alert["id"]):
        state += f" with {alert['leader']}"
    if alert["acked_by"]:
        by = f"by {clean(alert['acked_by'])}"
        state = f"{state} {by}" if state == "acknowledged" else f"{state}, acknowledged {by}"
    elif alert["error"] and state != "sent":
        tries = "" if alert["tries"] == 1 else f" after {alert['tries']} tries"
        then = f", next at {local_time(alert['due'])[11:]}" if state == "waiting" else ""
        state = f"{state}{tries}{then}: {clean(alert['error'])}"
    elif state == "waiting" and not alert["tries"]:
        state += f" until {local_time(alert['due'])}"
    return [str(alert["id"]), age(alert["at"], now_s), clean(alert["channel"]),
            clean(alert["title"]), state]  # fmt: skip
