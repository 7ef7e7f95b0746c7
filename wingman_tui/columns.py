"""The columns of the tables: how an execution and a flow look as a row. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from rich.cells import cell_len

from engine.client.console import began_at
from wingman_tui import looks
from wingman_tui.column_layout import Column, Row
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
from wingman_tui.naming import error_line, name_of
from wingman_tui.outlook import left, stuck_words
from wingman_tui.sanitise import clean
from wingman_tui.view import Part, View
from wingman_tui.waiting import waiting_words

_PLACE = re.compile(r"^\S*:\d+:\d+: ")
BAR_CELLS = 6
STEPS_CELLS = 5  # of 12/34
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


def progress_parts(row: Row, view: View) -> list[Part]:
    """How many steps have ended, with a bar while it runs; nothing when it is not known."""
    progress = row.get("progress")
    if not progress or not progress.get("total"):
        return []
    ended, total = int(progress.get("ended", 0)), int(progress["total"])
    numbers: Part = (f"{ended}/{total}", "text")
    if row.get("state") not in looks.LIVE_STATES:
        return [numbers]
    done, rest = looks.bar(ended, total, BAR_CELLS, view.ascii_only)
    return [(done, "bar_done"), (rest, "bar_rest"), (" ", "text"), numbers]


def _progress(row: Row, view: View, width: int) -> Sequence[Part]:
    """The numbers below each other, the bar of what runs beside them."""
    parts = progress_parts(row, view)
    if not parts:
        return [(" " * width, "text")]
    numbers = parts[-1][0].ljust(STEPS_CELLS)
    bar = parts[:2] if len(parts) > 1 else []
    rest = width - len(numbers) - 1 - sum(len(text) for text, _ in bar)
    if rest < 0:
        return [(fit(numbers, width), "text")]
    return [(numbers + " ", "text"), *bar, (" " * rest, "text")]


def _left(row: Row, view: View, width: int) -> Sequence[Part]:
    return [(fit_right(left(row, view.now()), width), "muted")]


def _warnings(row: Row, view: View, width: int) -> Sequence[Part]:
    value = row.get("warnings")
    return [(fit_right(count(value) if value else "", width), "level_warning")]


def _why(row: Row, view: View, width: int, words: str = "") -> Sequence[Part]:
    error = row.get("error")
    text = error_line(error, words) if error else _stuck_or_waiting(row, view)
    return [(fit(text, width), "text" if row.get("state") == "failed" else "muted")]


def _stuck_or_waiting(row: Row, view: View) -> str:
    """Why something that has not ended does not go on."""
    if row.get("waiting_for") and not row.get("stuck"):
        return f"waits for {waiting_words(row['waiting_for'], view.zone)}"
    return stuck_words(row)


def with_words(columns: Sequence[Column], words_of: Callable[[Row], str]) -> list[Column]:
    """The columns, of which WHY quotes what the failed step said."""

    def why(row: Row, view: View, width: int) -> Sequence[Part]:
        return _why(row, view, width, words_of(row))

    return [replace(each, cell=why) if each.title == "WHY" else each for each in columns]


def _plain(
    field: str, title: str, width: int, priority: int, *, sparse: bool = False
) -> Column:
    def cell(row: Row, view: View, width: int) -> Sequence[Part]:
        return [(fit(clean(str(row.get(field) or "")), width), "muted")]

    return Column(title, width, cell, priority, snug=True, sparse=sparse, yields=True)


def _id(row: Row, view: View, width: int) -> Sequence[Part]:
    return [(clean(str(row.get("id", "")))[-width:].rjust(width), "muted")]


EXECUTIONS = (
    Column("STATE", 11, _state),
    Column("EXECUTION", 26, _name, grow_to=48, least=14),
    Column("STARTED", 12, _started, 2, snug=True),
    Column("TOOK", 7, _took, 1, right=True),
    Column("STEPS", 14, _progress, 3, snug=True),
    Column("LEFT", 5, _left, 6, right=True, sparse=True),
    Column("WARN", 6, _warnings, 5, right=True, sparse=True),
    _plain("trigger", "BY", 8, 7),
    _plain("actor", "WHO", 10, 8),
    _plain("type", "TYPE", 12, 9, sparse=True),
    Column("ID", 8, _id, 10, yields=True),
    Column("WHY", 24, _why, 4, grow_to=160, least=16, ample=64),
)


def _server(row: Row, view: View, width: int) -> Sequence[Part]:
    return [(fit(clean(str(row.get("server") or "")), width), "accent")]


# with the server that each is of
SIDE_BY_SIDE = (
    *EXECUTIONS[:1], Column("SERVER", 10, _server, least=7, snug=True), *EXECUTIONS[1:],
)  # fmt: skip


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
    Column("FLOW", 22, _flow_name, grow_to=48, least=14),
    Column("LAST 8", 8, _strip, 1, right=True),
    Column("LAST", 16, _last_state, 1, snug=True),
    Column("TOOK", 7, _last_took, 5, right=True, sparse=True),
    Column("NEXT START", 14, _comes, 3, snug=True),
    _plain("type", "TYPE", 12, 6, sparse=True),
    Column("WHAT IT DOES", 40, _what, 4, grow_to=160, least=20),
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
