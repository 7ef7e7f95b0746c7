"""`wingman timeline REF`: where the time went, a row a step; each attempt with all it tried."""

from __future__ import annotations

import sys

from engine.cli import states
from engine.cli.format import duration, local_time
from engine.cli.terminal import cells, clean, cut, has_glyphs, is_terminal, paint, print_json, width
from engine.client.http import segment
from engine.client.launch import ensure_engine
from engine.paths import find_home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from engine.cli.parser import Arguments, Parser

PIPE_COLUMNS, COLUMNS_LIMIT = 80, 160  # a longer bar is no clearer
NAME_COLUMNS = 28
TOOK_COLUMNS = 8
ERROR_COLUMNS = 12
ERROR_LEAST_WIDTH = 70  # where errors have a column of their own
LEAST_ROOM = 8
FAILED = ("failed", "interrupted")
# what bars are made of: the critical path, what has slack, the slack, what failed
GLYPHS, ASCII = "█▬┄░", "#=.x"


def arguments(parser: Parser, name: str) -> None:
    """Declare the arguments."""
    parser.argument("execution", metavar="REF", help="as flow#12, flow@last, @last")
    parser.json_flag()


def execute(args: Arguments, name: str) -> int:
    """Ask, and draw."""
    client = ensure_engine(find_home())
    found = client.request("GET", f"/v1/executions/{segment(args.execution)}/timeline")
    if args.json:
        print_json(found)
        return 0
    columns = width(sys.stdout) if is_terminal(sys.stdout) else PIPE_COLUMNS
    for line in _account(found, min(columns, COLUMNS_LIMIT)):
        print(line)
    return 0


def _account(found: dict[str, Any], columns: int) -> list[str]:
    marks = GLYPHS if has_glyphs(sys.stdout) else ASCII
    critical, plain, slack, failed = tuple(marks)
    lines = _head(found)
    lines += [f"{critical * 3} critical path   {plain * 3} has slack {slack * 3}   "
              f"{failed * 3} failed", ""]  # fmt: skip
    if found["former"]:
        lines.append(_title(found, found["attempt"], is_live=found["is_live"]))
    found["critical"] = set(found["critical"])
    rows = [(span["path"], _bars_of(span, found, marks), span) for span in found["spans"]]
    lines += _rows(rows, found, columns)
    for attempt in reversed(found["former"]):
        lines += ["", _title(attempt, attempt["number"])]
        runs: dict[str, list[dict[str, Any]]] = {}
        for run in attempt["spans"]:
            runs.setdefault(run["path"], []).append(run)
        rows = [(path, [_bar(run, marks) for run in own], own[-1]) for path, own in runs.items()]
        lines += _rows(rows, attempt, columns) or ["  no step ran"]
        if attempt["more"]:
            lines.append(f"  and {attempt['more']} more")
    return lines


def _head(found: dict[str, Any]) -> list[str]:
    head = f"took {duration((found['end_us'] - found['begin_us']) / 1000)}"
    head += " so far" if found["is_live"] else ""
    head += f", usually {duration(found['usual_ms'])}" if found["usual_ms"] else ""
    end = (found["expected"] or {}).get("end_at")
    told = [f"should end at {local_time(end)}"] if end else []
    told += [clean(found["bottleneck"])] if found["bottleneck"] else []
    return [paint(head, "bold", file=sys.stdout), *told]


def _title(attempt: dict[str, Any], number: int, *, is_live: bool = False) -> str:
    title = paint(f"attempt {number}", "bold", file=sys.stdout)
    if is_live or not attempt["state"]:
        return title
    took = duration(((attempt["end_us"] or 0) - (attempt["begin_us"] or 0)) / 1000)
    return f"{title}  {states.shown(attempt['state'], sys.stdout)} after {took}"


Bar = tuple[int, int, str, int]  # begin, end, its mark, the fewest columns


def _bars_of(span: dict[str, Any], found: dict[str, Any], marks: str) -> list[Bar]:
    """Of the present attempt: the slack, the tries before, and the last one."""
    critical, plain, slack, failed = tuple(marks)
    mark = critical if span["path"] in found["critical"] else plain
    mark = failed if span["state"] in FAILED else mark
    end_us = span["end_us"]
    return [
        (end_us, end_us + span["slack_us"], slack, 0),
        *(_bar(run, marks) for run in span["tries"]),
        (span["begin_us"], end_us, mark, 1),
    ]


def _bar(run: dict[str, Any], marks: str) -> Bar:
    mark = marks[3] if run["state"] in FAILED else marks[1]
    return (run["begin_us"], run["end_us"], mark, 1)


def _rows(
    rows: list[tuple[str, list[Bar], dict[str, Any]]], whole: dict[str, Any], columns: int
) -> list[str]:
    names = min(NAME_COLUMNS, max((cells(clean(path)) for path, _, _ in rows), default=0))
    told = columns >= ERROR_LEAST_WIDTH and any(last["error"] for _, _, last in rows)
    room = columns - names - TOOK_COLUMNS - 5 - (ERROR_COLUMNS + 1 if told else 0)
    lines = []
    for path, bars, last in rows:
        name = cut(clean(path), names, middle=True)
        drawn = _drawn(bars, whole["begin_us"] or 0, whole["end_us"] or 0, max(LEAST_ROOM, room))
        began_us = min(begin for begin, _, _, least in bars if least)
        took = duration((last["end_us"] - began_us) / 1000)
        error = f" {cut(clean(last['error']), ERROR_COLUMNS)}" if told and last["error"] else ""
        line = f"  {name}{' ' * (names - cells(name))} {drawn} {took:>{TOOK_COLUMNS}}"
        lines.append(line + paint(error, "red", file=sys.stdout))
    return lines


def _drawn(bars: list[Bar], begin_us: int, end_us: int, room: int) -> str:
    """Bars in their columns, later ones over those before; none leaves the room."""
    whole_us = max(1, end_us - begin_us)
    drawn = [" "] * room
    for begin, end, mark, least in bars:
        first = max(0, min(room - 1, (begin - begin_us) * room // whole_us))
        last = max(first + least, (end - begin_us) * room // whole_us)
        for at in range(first, min(room, last)):
            drawn[at] = mark
    return "".join(drawn)
