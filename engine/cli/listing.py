"""`wingman list`: executions as a table, newest first."""

from __future__ import annotations

import os
import sys
import time

from engine.attempt import began_at
from engine.cli import states
from engine.cli.format import age, duration, epoch_s
from engine.cli.report import json_line, name_of, stuck_words
from engine.cli.table import Column, lay_out
from engine.cli.terminal import clean, has_glyphs, paint, tell, width
from engine.client.http import with_query
from engine.client.launch import ensure_engine
from engine.errors import UsageError, WingmanError
from engine.paths import find_home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from engine.cli.parser import Arguments, Parser
    from engine.client.http import Client

PAGE_LIMIT = 1000
SHORT_ID = 8
FILTERS = ("state", "flow", "type", "trigger", "since", "until", "note", "text")


def arguments(parser: Parser, name: str) -> None:
    """Declare the arguments."""
    parser.option("--state", metavar="S,…", help="running, waiting, failed, …")
    parser.option("--flow", metavar="F", help="only this flow's")
    parser.option("--type", metavar="T", help="only of flows of this type")
    parser.option("--trigger", metavar="K", help="only started by this kind of trigger")
    parser.option("--since", metavar="T", help="started since: 2h, 3d, or a time")
    parser.option("--until", metavar="T", help="started until")
    parser.option("--note", metavar="T", help="only those with a note that holds this text")
    parser.option("--text", metavar="T", help="only those in which this text is found")
    parser.option("--limit", metavar="N", default=20, convert=int, help="at most N (20)")
    parser.json_flag()


def execute(args: Arguments, name: str) -> int:
    """Ask for the executions and print them."""
    if args.limit < 1:
        raise UsageError(f"--limit {args.limit}: at least 1", "leave it out for the newest 20")
    unmatched = ""
    several = [word for word in os.environ.get("WINGMAN_SERVER", "").split(",") if word.strip()]
    if len(several) > 1:
        found, more = _of_several(args)
    else:
        client = ensure_engine(find_home())
        found, more = _asked(client, args)
        if not found:
            from engine.cli.unmatched import words_that_mean_nothing

            unmatched = words_that_mean_nothing(client, args)
    if args.json:
        for execution in found:
            print(json_line(execution))
        return 0
    if not found and any(getattr(args, name) for name in FILTERS):
        tell(f"no execution fits{unmatched}; all of them: wingman list")
        return 0
    _print_table(found, more=more, limit=args.limit)
    return 0


def _of_several(args: Arguments) -> tuple[list[dict[str, Any]], bool]:
    """The newest of several servers, each with its server; one that does not answer is told.

    Raises the refusal where none answers.
    """
    from engine.client.http import Client
    from engine.client.servers import HERE, find_among, meant

    home = find_home()
    found: list[dict[str, Any]] = []
    more, refused = False, []
    for server in find_among(meant()):
        name = HERE if server is None else server.name
        try:
            if server is None:
                client = ensure_engine(home, here=True)
            else:
                client = Client(home, server.transport())
            rows, rest = _asked(client, args)
        except WingmanError as error:
            tell(f"{clean(name)}: {clean(error.message)}")
            refused.append(error)
            continue
        found += [{**row, "server": name} for row in rows]
        more = more or rest
    if refused and not found and len(refused) == len(meant()):
        raise refused[0]
    found.sort(key=lambda row: str(row.get("created_at") or ""), reverse=True)
    return found[: args.limit], more or len(found) > args.limit


def _asked(client: Client, args: Arguments) -> tuple[list[dict[str, Any]], bool]:
    """The executions of one server that fit, and whether there are more."""
    found: list[dict[str, Any]] = []
    cursor = None
    while True:
        path = with_query(
            "/v1/executions", state=args.state, flow=args.flow, type=args.type,
            trigger=args.trigger, since=args.since, until=args.until, note=args.note,
            text=args.text, limit=min(args.limit - len(found), PAGE_LIMIT), cursor=cursor,
            said=not args.json,
        )  # fmt: skip
        answer = client.request("GET", path)
        found += answer["executions"]
        cursor = answer["next"]
        if cursor is None or len(found) >= args.limit:
            return found, cursor is not None


def _print_table(found: list[dict[str, Any]], *, more: bool, limit: int) -> None:
    if not found:
        tell("no executions; start one: wingman run FLOW (there are: wingman flows)")
        return
    now_s = time.time()
    columns, rows = _columns(), [_row(each, now_s) for each in found]
    if "server" in found[0]:
        columns.insert(1, Column("SERVER"))
        for row, each in zip(rows, found, strict=True):
            row.insert(1, clean(each["server"]))
    for line in lay_out(columns, rows, width(sys.stdout)):
        print(line)
    if more:
        tell(f"there are more: --limit {limit * 5}")


def _columns() -> list[Column]:
    def state(text: str) -> str:
        return paint(text, *states.LOOKS.get(text[2:].rstrip(), ("", "", ()))[2], file=sys.stdout)

    def dim(text: str) -> str:
        return paint(text, "dim", file=sys.stdout)

    return [
        Column("STATE", paint=state),
        Column("EXECUTION", shrink=1, least=12, middle=True),
        Column("STARTED", right=True),
        Column("TOOK", right=True),
        Column("TRIGGER", shrink=2, least=7, may_go=True),
        Column("ID", paint=dim, may_go=True),
        Column("NOTE", shrink=3, least=12, may_go=True),
    ]


def _row(execution: dict[str, Any], now_s: float) -> list[str]:
    state = states.word(execution)
    glyph, ascii_glyph, _ = states.LOOKS.get(state, ("?", "?", ()))
    started = execution["started_at"]
    took, began = execution["duration_ms"], began_at(execution)
    if took is None and began and execution["state"] not in states.TERMINAL:
        took = max(0.0, now_s - epoch_s(began)) * 1000
    return [
        f"{glyph if has_glyphs(sys.stdout) else ascii_glyph} {state}",
        clean(f"{execution['flow']}#{execution['number']}"),
        age(started or execution.get("created_at"), now_s),
        duration(took),
        clean(execution["trigger"]),
        clean(execution["id"][-SHORT_ID:]),
        _note(execution),
    ]


def _note(execution: dict[str, Any]) -> str:
    """The one thing worth knowing beside the state."""
    parts = []
    if execution["debug"]:
        parts.append("DEBUG")
    if execution.get("error"):
        error = execution["error"]
        what = error["message"]
        if execution.get("said"):  # by the step itself, where the error is an exit code
            what = f"{execution['said']} ({what})"
        parts.append(f"{error.get('step') or ''}: {what}".removeprefix(": "))
    elif execution.get("stuck"):
        parts.append(stuck_words(execution))
    elif execution["waiting_for"]:
        waiting = execution["waiting_for"]
        if waiting.get("kind") == "flow":
            parts.append(f"for {name_of(waiting)},")
        while waiting.get("kind") == "flow":
            waiting = waiting["waiting_for"]
        said = waiting.get("reason") if waiting.get("kind") in ("group", "requires") else None
        parts.append(said or f"for {waiting.get('kind') or waiting.get('type') or waiting}")
    elif execution["warnings"]:
        parts.append(f"{execution['warnings']} warnings")
    return clean(" ".join(parts))
