"""`wingman trigger list|show|next|test|pause|continue`: what starts flows by itself."""

from __future__ import annotations

import sys
import time

from engine.cli.format import age, local_time
from engine.cli.given import given_bytes
from engine.cli.table import Column, lay_out
from engine.cli.terminal import clean, clean_lines, paint, print_json, tell, width
from engine.client.http import quote, with_query
from engine.client.launch import ensure_engine
from engine.errors import UsageError
from engine.paths import find_home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from engine.cli.parser import Arguments, Parser
    from engine.client.http import Client

ACTIONS = ("list", "show", "next", "test", "pause", "continue")
LEDGER_ROWS = 10


def arguments(parser: Parser, name: str) -> None:
    """Declare the arguments."""
    parser.argument("action", choices=ACTIONS)
    parser.argument(
        "names", takes="*", metavar="NAME",
        help="a trigger as flow:name, its own name, or its flow; list takes a flow",
    )  # fmt: skip
    parser.option(
        "-n", "--count", metavar="N", convert=int,
        help="so many moments (next), or rows of the ledger (show)",
    )  # fmt: skip
    parser.option("--payload", metavar="FILE", help="test: what would come; - is stdin")
    parser.option(
        "--header", metavar="NAME:VALUE", each=True,
        help="test: a header that would come with it, as X-GitHub-Event:push",
    )  # fmt: skip
    parser.option("--reason", metavar="TEXT", help="pause, continue: kept in the audit")
    parser.json_flag()


def execute(args: Arguments, name: str) -> int:
    """Do it for each trigger named."""
    if args.action == "list":
        if len(args.names) > 1:
            raise UsageError(f"{args.names[1]!r} is one argument too many", "list takes one flow")
        return _list(args)
    if not args.names:
        raise UsageError("NAME is missing", f"wingman trigger {args.action} NAME")
    client = ensure_engine(find_home())
    for each in args.names:
        path = f"/v1/triggers/{quote(each)}"
        _ACTIONS[args.action](client, path, args)
    return 0


def _list(args: Arguments) -> int:
    flow = args.names[0] if args.names else None
    client = ensure_engine(find_home())
    answer = client.request("GET", with_query("/v1/triggers", flow=flow))
    found = answer["triggers"]
    for file in () if flow else answer.get("unread", ()):
        tell(f"arms nothing: {clean(file['problem'])}")
    if args.json:
        _print_json(*found)
    elif found:
        _print_table(found)
    else:
        tell("no triggers; they stand under `triggers:` in the files of the flow folders")
    return 0


def _print_json(*rows: dict[str, Any]) -> None:
    for row in rows:
        print_json(row)


def _print_table(found: list[dict[str, Any]]) -> None:
    columns = [
        Column("TRIGGER", shrink=1, least=12, middle=True),
        Column("WHAT", shrink=2, least=10),
        Column("NEXT"),
        Column("LAST"),
        Column("", shrink=3, least=10, may_go=True),
    ]
    now_s = time.time()
    rows = [
        [clean(t["name"]), clean(t["what"]), _next_words(t), _last_words(t, now_s), _note(t)]
        for t in found
    ]
    for line in lay_out(columns, rows, width(sys.stdout)):
        print(line)


def _next_words(trigger: dict[str, Any]) -> str:
    return "paused" if trigger["paused"] else local_time(trigger["next"])[:16] or "-"


def _last_words(trigger: dict[str, Any], now_s: float) -> str:
    last = trigger["last"]
    return f"{last['outcome']} {age(last['decided_at'], now_s)}" if last else "never"


def _note(trigger: dict[str, Any]) -> str:
    if trigger["problem"]:
        return clean(trigger["problem"])
    if trigger["running"] or trigger["waiting"]:
        waits = f", {trigger['waiting']} wait" if trigger["waiting"] else ""
        return f"{len(trigger['running'])} running{waits}"
    last = trigger["last"] or {}
    return clean(last.get("label") or last.get("reason") or "")


def _show(client: Client, path: str, args: Arguments) -> None:
    found = client.request("GET", path)
    limit = args.count or LEDGER_ROWS
    ledger = client.request("GET", with_query(f"{path}/ledger", limit=limit))["occasions"]
    if args.json:
        _print_json({**found, "ledger": ledger})
        return
    print(f"{paint(clean(found['name']), 'bold', file=sys.stdout)}  {clean(found['what'])}")
    print(f"  starts {clean(found['flow'])}, from {clean(found['source'])}")
    if found["problem"]:
        print(f"  {clean(found['problem'])}")
    if found["paused"]:
        why = f": {clean(found['paused']['reason'])}" if found["paused"]["reason"] else ""
        since = local_time(found["paused"]["at"])
        print(f"  paused since {since} by {clean(found['paused']['by'])}{why}")
    elif found["next"]:
        print(f"  next at {local_time(found['next'])}")
    if found["waiting"]:
        print(f"  {found['waiting']} wait for their turn")
    for refused in found["refusals"]:
        print(f"  refused {local_time(refused['at'])}: {clean(refused['reason'])}")
    if ledger:
        print()
        _print_ledger(ledger)


def _print_ledger(ledger: list[dict[str, Any]]) -> None:
    columns = [
        Column("AT"),
        Column("OUTCOME"),
        Column("EXECUTION", shrink=1, least=10, middle=True),
        Column("", shrink=2, least=10),
    ]
    rows = [
        [local_time(row["at"]), row["outcome"], clean(row["label"] or ""), clean(_reason(row))]
        for row in ledger
    ]
    for line in lay_out(columns, rows, width(sys.stdout)):
        print(line)


def _reason(row: dict[str, Any]) -> str:
    if row["times"] == 1:
        return str(row["reason"])
    times = f"{'more than ' if row['more'] else ''}{row['times']}, until {local_time(row['until'])}"
    return f"{times}: {row['reason']}"


def _next(client: Client, path: str, args: Arguments) -> None:
    found = client.request("GET", with_query(f"{path}/next", count=args.count or 5))["moments"]
    if args.json:
        _print_json(*found)
        return
    if not found:
        tell("no moment is to come")
    for moment in found:
        starts = moment.get("starts") or moment["at"]
        jitter = "" if starts[:19] == moment["at"][:19] else f", starts at {starts[11:19]}Z"
        print(f"{moment['local']}  ({moment['at']}{jitter})")


def _test(client: Client, path: str, args: Arguments) -> None:
    body: dict[str, Any] = {"payload": _payload(args.payload)} if args.payload else {}
    if args.header:
        body["headers"] = dict(_header(text) for text in args.header)
    found = client.request("POST", f"{path}/test", body)
    if args.json:
        _print_json(found)
        return
    import json

    outcome = found["outcome"]
    words = f"would start {clean(found['flow'])}" if outcome == "start" else f"would be {outcome}"
    print(f"{clean(found['trigger'])}: {words}")
    if found["reason"]:
        print(f"  {clean(found['reason'])}")
    print(f"  event: {clean(json.dumps(found['event'], ensure_ascii=False))}")
    for name, value in found["inputs"].items():
        print(f"  {clean(name)}: {clean(json.dumps(value, ensure_ascii=False))}")


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not (colon and name.strip()):
        raise UsageError(f"--header {text!r} is no header", "such as X-GitHub-Event:push")
    return name.strip(), value.strip()


def _payload(path: str) -> Any:
    import json

    try:
        return json.loads(given_bytes(path))
    except ValueError as error:
        raise UsageError(f"{path} is not JSON: {error}") from error


def _switch(client: Client, path: str, args: Arguments) -> None:
    body = {"reason": args.reason} if args.reason else {}
    found = client.change("POST", f"{path}/{args.action}", body)
    if args.json:
        _print_json(found)
        return
    words = "is paused" if found["paused"] else "goes on"
    then = f"; next at {local_time(found['next'])}" if found["next"] else ""
    print(clean_lines(f"{found['name']} {words}{then}"))


_ACTIONS = {
    "show": _show, "next": _next, "test": _test, "pause": _switch, "continue": _switch,
}  # fmt: skip
