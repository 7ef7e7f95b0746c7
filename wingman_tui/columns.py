"""The columns of the tables: how an execution and a flow look as a row. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from rich.cells import cell_len

from engine.client.console import began_at
from wingman_tui import looks
from wingman_tui.format import (
    count,
    duration,
    fit,
    fit_middle,
    fit_right,
    live_duration,
    size,
    when,
)
from wingman_tui.format import parse_time as parse
from wingman_tui.outlook import left, stuck_words
from wingman_tui.sanitise import clean
from wingman_tui.view import Part, View
from wingman_tui.widgets.live_table import Column, Row

_PLACE = re.compile(r"^\S*:\d+:\d+: ")
BAR_CELLS = 6
STRIP_LENGTH = 8
# what a flow waits for that has no moment
STARTED_BY = {"webhook": "on a webhook", "watch": "on a file", "after": "after a flow",
              "event": "on an event"}  # fmt: skip


def is_live(execution: Row) -> bool:
    """Whether its duration grows with the clock."""
    return execution.get("state") in ("running", "paused") and not execution.get("ended_at")


def took_ms(row: Row, now: float) -> float | None:
    """How long it took, or has taken until now; of one that was retried, its present attempt."""
    if row.get("duration_ms") is not None:
        return float(row["duration_ms"])
    began = began_at(row)
    started = parse(began) if began else None
    return None if started is None else max(0.0, (now - started) * 1000)


def took(row: Row, now: float) -> str:
    """The same as text: tenths of a second only once it has ended."""
    ms = took_ms(row, now)
    if ms is None:
        return ""
    return duration(ms) if row.get("duration_ms") is not None else live_duration(ms)


def name_of(execution: Row) -> str:
    """What people call an execution: flow#number."""
    return f"{clean(str(execution.get('flow', '?')))}#{execution.get('number', '?')}"


def name_on(execution: Row) -> str:
    """The same where executions of several servers stand side by side: flow#number on prod."""
    server = execution.get("server")
    return f"{name_of(execution)} on {clean(str(server))}" if server else name_of(execution)


def _state(row: Row, view: View, width: int) -> Sequence[Part]:
    look = looks.execution_look(row)
    return [(fit(f"{look.sign(view.ascii_only)} {look.word}", width), look.role)]


def _name(row: Row, view: View, width: int) -> Sequence[Part]:
    number = f"#{row.get('number', '?')}"
    badge = " DEBUG" if row.get("debug") else ""
    room = width - len(number) - len(badge)
    flow = fit_middle(clean(str(row.get("flow", "?"))), max(4, room)).rstrip()
    rest = max(0, width - len(number) - len(badge) - max(0, cell_len(flow)))
    return [(flow, "strong"), (number, "text"), (badge, "state_interrupted"), (" " * rest, "text")]


def _started(row: Row, view: View, width: int) -> Sequence[Part]:
    text = when(row.get("started_at") or row.get("created_at"), view.now(), view.zone)
    return [(fit(text, width), "text")]


def _took(row: Row, view: View, width: int) -> Sequence[Part]:
    return [(fit_right(took(row, view.now()), width), "text")]


def progress_parts(row: Row, view: View, bar_cells: int = BAR_CELLS) -> list[Part]:
    """How many steps have ended, with a bar while it runs; nothing when it is not known."""
    progress = row.get("progress")
    if not progress or not progress.get("total"):
        return []
    ended, total = int(progress.get("ended", 0)), int(progress["total"])
    numbers: Part = (f"{ended}/{total}", "text")
    if row.get("state") not in looks.LIVE_STATES:
        return [numbers]
    done, rest = looks.bar(ended, total, bar_cells, view.ascii_only)
    return [(done, "bar_done"), (rest, "bar_rest"), (" ", "text"), numbers]


def _progress(row: Row, view: View, width: int) -> Sequence[Part]:
    parts = progress_parts(row, view)
    used = sum(len(text) for text, _ in parts)
    if used > width:
        return [(fit(parts[-1][0].strip(), width), "text")]
    return [*parts, (" " * (width - used), "text")]


def _left(row: Row, view: View, width: int) -> Sequence[Part]:
    return [(fit_right(left(row, view.now()), width), "muted")]


def _warnings(row: Row, view: View, width: int) -> Sequence[Part]:
    value = row.get("warnings")
    return [(fit_right(count(value) if value else "", width), "level_warning")]


def _why(row: Row, view: View, width: int) -> Sequence[Part]:
    error = row.get("error")
    text = error_line(error) if error else stuck_words(row)
    return [(fit(text, width), "muted")]


def error_line(error: Row) -> str:
    """An error in one line: where, what kind, which message."""
    step = clean(str(error.get("step") or ""))
    kind = clean(str(error.get("type") or ""))
    lines = str(error.get("message") or "").strip().splitlines()
    message = clean(lines[0]) if lines else ""
    if kind.partition(":")[2] and message.startswith(f"exited with {kind.partition(':')[2]}"):
        kind = ""  # the message says the same in words
    return ": ".join(part for part in (step, kind, message) if part)


def _plain(field: str, title: str, width: int, priority: int, grow_to: int = 0) -> Column:
    def cell(row: Row, view: View, width: int) -> Sequence[Part]:
        return [(fit(clean(str(row.get(field) or "")), width), "muted")]

    return Column(title, width, cell, priority, grow_to)


def _id(row: Row, view: View, width: int) -> Sequence[Part]:
    return [(clean(str(row.get("id", "")))[-width:].rjust(width), "muted")]


EXECUTIONS = (
    Column("STATE", 11, _state),
    Column("EXECUTION", 26, _name, grow_to=32, least=14),
    Column("STARTED", 12, _started, 2),
    Column("TOOK", 7, _took, 1, right=True),
    Column("STEPS", 14, _progress, 3),
    Column("LEFT", 5, _left, 6, right=True),
    Column("WARN", 6, _warnings, 4, right=True),
    _plain("trigger", "BY", 8, 6),
    _plain("actor", "WHO", 10, 7),
    _plain("type", "TYPE", 12, 8),
    Column("ID", 8, _id, 9),
    Column("WHY", 24, _why, 5, grow_to=120),
)


def _server(row: Row, view: View, width: int) -> Sequence[Part]:
    return [(fit(clean(str(row.get("server") or "")), width), "accent")]


# with the server that each is of
SIDE_BY_SIDE = (*EXECUTIONS[:1], Column("SERVER", 10, _server, least=7), *EXECUTIONS[1:])


def _flow_name(row: Row, view: View, width: int) -> Sequence[Part]:
    badge = " DEBUG" if row.get("debug", "off") != "off" else ""
    name = fit_middle(clean(str(row.get("name", "?"))), width - len(badge))
    if badge:
        name = name.rstrip()
    rest = " " * max(0, width - cell_len(name) - len(badge))
    return [(name, "strong"), (badge, "state_interrupted"), (rest, "text")]


def _strip(row: Row, view: View, width: int) -> Sequence[Part]:
    """The last results, the newest on the right."""
    last = list(reversed((row.get("last") or [])[:STRIP_LENGTH]))
    parts: list[Part] = []
    for result in last:
        look = looks.look_of(str(result.get("state", "")))
        parts.append((look.sign(view.ascii_only), look.role))
    return [(" " * (width - len(parts)), "text"), *parts]


def _last_state(row: Row, view: View, width: int) -> Sequence[Part]:
    if row.get("problems"):
        return [(fit("has problems", width), "error")]
    last = row.get("last") or []
    if not last:
        return [(fit("never ran", width), "muted")]
    look = looks.look_of(str(last[0].get("state", "")))
    return [(fit(f"{look.word} #{last[0].get('number', '')}", width), look.role)]


def _last_took(row: Row, view: View, width: int) -> Sequence[Part]:
    last = row.get("last") or []
    return [(fit_right(duration(last[0].get("duration_ms")) if last else "", width), "text")]


def _what(row: Row, view: View, width: int) -> Sequence[Part]:
    """The first line of the description: the rest is told beside the selected flow."""
    problems = row.get("problems")
    if problems:
        # the place in the file is told beside the selected flow
        return [(fit(clean(_PLACE.sub("", str(problems[0]))), width), "error")]
    first = str(row.get("description") or "").strip().partition("\n")[0]
    return [(fit(clean(first), width), "muted")]


def _comes(row: Row, view: View, width: int) -> Sequence[Part]:
    """When it starts by itself the next time."""
    coming = row.get("comes") or {}
    if coming.get("next"):
        return [(fit(when(coming["next"], view.now(), view.zone), width), "text")]
    if coming.get("paused"):
        return [(fit(f"{view.sign('paused')} paused", width), "state_paused")]
    words = STARTED_BY.get(str(coming.get("kind")), "")
    return [(fit(words, width), "muted")]


FLOWS = (
    Column("FLOW", 22, _flow_name, grow_to=34, least=14),
    Column("LAST 8", 8, _strip, 1, right=True),
    Column("LAST", 16, _last_state, 1),
    Column("TOOK", 7, _last_took, 5, right=True),
    Column("NEXT START", 12, _comes, 3),
    _plain("type", "TYPE", 12, 6),
    Column("WHAT IT DOES", 20, _what, 4, grow_to=100),
)


def _step_of(row: Row, view: View, width: int) -> Sequence[Part]:
    name = f"{name_of(row)} › {clean(str(row.get('path', '')))}"
    return [(fit_middle(name, width), "strong")]


def _measured(field: str, unit: Callable[[float], str]) -> Callable[[Row, View, int], list[Part]]:
    def cell(row: Row, view: View, width: int) -> list[Part]:
        return [(fit_right(unit(float(row.get(field) or 0)), width), "text")]

    return cell


def _per_second(value: float) -> str:
    return f"{size(value)}/s" if value else ""


MACHINE = (
    Column("STEP", 30, _step_of, grow_to=70, least=18),
    Column("CPU", 6, _measured("cpu", lambda value: f"{value:.0%}"), right=True),
    Column("MEMORY", 9, _measured("rss_bytes", size), right=True),
    Column("READ", 11, _measured("read_bytes_s", _per_second), 2, right=True),
    Column("WRITTEN", 11, _measured("written_bytes_s", _per_second), 2, right=True),
    Column("PROCESSES", 9, _measured("processes", lambda value: str(int(value))), 4, right=True),
)
