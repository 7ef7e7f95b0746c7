"""`wingman inbox [list|show|ack|snooze|assign|close] …`: what has failed and not recovered."""

from __future__ import annotations

import sys
import time

from engine.cli.format import age, count, local_time
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

ACTIONS = ("list", "show", "ack", "snooze", "assign", "close")
SHOWS = ("open", "snoozed", "recovered", "all")
OF_ONE = ("show", "snooze", "assign")  # take one ID, and perhaps a word about it
WORD = {"snooze": "how long: 2h, 1d, or until when", "assign": "a user, or nobody"}


def arguments(parser: Parser, name: str) -> None:
    """Declare the arguments."""
    parser.argument("action", takes="?", choices=ACTIONS)
    parser.argument(
        "names", takes="*", metavar="ID",
        help="ack, close: some; snooze ID 2h (or a moment); assign ID [USER|nobody]",
    )  # fmt: skip
    parser.option(
        "--show", metavar="WHICH", choices=SHOWS, default="open", help="which the list has"
    )
    parser.option("--text", metavar="TEXT", help="only what holds these words")
    parser.option("-n", "--limit", metavar="N", help="at most so many", default=50, convert=int)
    parser.flag("--undo", help="ack, snooze: take it back")
    parser.json_flag()


def execute(args: Arguments, name: str) -> int:
    """List the inbox, show an entry, or do something with some."""
    action, names = args.action or "list", args.names
    if action == "list":
        if names:
            raise UsageError(f"{clean(names[0])!r} is one argument too many", "list takes none")
        return _list(args)
    if not names:
        raise UsageError("ID is missing", f"wingman inbox {action} ID; `wingman inbox` lists them")
    most = 1 + (action in WORD and not args.undo) if action in OF_ONE else len(names)
    if len(names) > most:
        raise UsageError(
            f"{clean(names[most])!r} is one argument too many",
            f"{action} takes one ID" + (f" and {WORD[action]}" if action in WORD else ""),
        )
    client = ensure_engine(find_home())
    for each in names if action not in OF_ONE else names[:1]:
        _act(client, action, each, args)
    return 0


def _act(client: Client, action: str, name: str, args: Arguments) -> None:
    path = f"/v1/inbox/{quote(name)}"
    if action == "show":
        entry = client.request("GET", path)
    else:
        entry = client.change("POST", f"{path}/{action}", _body(action, args))
    if args.json:
        print_json(entry)
    elif action == "show":
        for line in _shown(entry):
            print(line)
    else:
        tell(f"{entry['id']}: {_state(entry)}")


def _body(action: str, args: Arguments) -> dict[str, Any]:
    """What is said of an entry."""
    word = args.names[1] if action in OF_ONE and len(args.names) > 1 else None
    if action == "ack":
        return {"undo": True} if args.undo else {}
    if action == "snooze" and not args.undo:
        if word is None:
            raise UsageError("how long?", "wingman inbox snooze ID 2h, or until a moment")
        return {"until" if ":" in word or "-" in word else "duration": word}
    if action == "assign" and word == "nobody":
        return {"nobody": True}
    return {"user": word} if word else {}


def _list(args: Arguments) -> int:
    query = {"show": args.show, "text": args.text, "limit": args.limit}
    answer = ensure_engine(find_home()).request("GET", with_query("/v1/inbox", **query))
    found = answer["entries"]
    if args.json:
        for entry in found:
            print_json(entry)
    elif found:
        columns = [
            Column("ID"), Column("TIMES", right=True), Column("LAST"),
            Column("WHERE", shrink=1, least=14, middle=True),
            Column("WHAT", shrink=2, least=20), Column("STATE", shrink=1, least=8),
        ]  # fmt: skip
        now_s = time.time()
        for line in lay_out(columns, [_row(entry, now_s) for entry in found], width(sys.stdout)):
            print(line)
    else:
        snoozed = answer["counts"]["snoozed"]
        more = f"; {snoozed} snoozed (--show snoozed)" if snoozed and args.show == "open" else ""
        tell(f"nothing is in the inbox{more}" if args.show == "open" else "there is none")
    return 0


def _row(entry: dict[str, Any], now_s: float) -> list[str]:
    return [entry["id"], str(entry["times"]), age(entry["last"], now_s), _where(entry),
            f"{clean(entry['type'])}: {clean_lines(entry['message'])}", _state(entry)]  # fmt: skip


def _where(entry: dict[str, Any]) -> str:
    step = f" {clean(entry['step'])}" if entry["step"] else ""
    others = f" and {entry['flows'] - 1} more" if entry["flows"] > 1 else ""
    return f"{clean(entry['flow'])}{step}{others}"


def _state(entry: dict[str, Any]) -> str:
    """Where it stands, and who has it, in words."""
    words = str(entry["state"])
    if words == "acknowledged":
        words += f" by {clean(entry['acked_by'])}"
    elif words == "snoozed":
        words += f" until {local_time(entry['snoozed_until'])}"
    elif words == "closed":
        words += f" by {clean(entry['left_by'])}"
    return words + (f", {clean(entry['assigned_to'])}" if entry["assigned_to"] else "")


def _shown(entry: dict[str, Any]) -> list[str]:
    """All about an entry."""
    head = paint(entry["id"], "bold", file=sys.stdout)
    lines = [
        f"{head}  {clean(entry['type'])}: {clean_lines(entry['message'])}",
        f"{count(entry['times'], 'failure')} since {local_time(entry['since'])}, the last "
        f"{local_time(entry['last'])}; {entry['total']} in all, the first "
        f"{local_time(entry['first'])}",
        f"state: {_state(entry)}",
        "",
    ]
    for place in entry["places"]:
        step = f" {clean(place['step'])}" if place["step"] else ""
        state = "" if place["open"] or not entry["open"] else ", recovered"
        newest = f"the last was {clean(place['flow'])}#{place['number']}"
        lines.append(f"{clean(place['flow'])}{step}: {place['times']} times{state}, {newest}")
    for note in entry["notes"]:
        text = clean_lines(note["text"])
        lines.append(f"note by {clean(note['by'])}, {local_time(note['at'])}: {text}")
    lines += [
        f"alert {each['id']} to {clean(each['channel'])}: {clean(each['title'])}, {each['state']}"
        for each in entry["alerts"]
    ]
    newest = f"{clean(entry['flow'])}#{entry['number']}"
    return [*lines, "", f"  wingman why {newest}", f"  wingman inbox ack {entry['id']}"]
