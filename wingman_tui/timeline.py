"""The timeline of an execution as lines: the present attempt first, then those before it.

Called by the screen `details`. Pure: JSON of the API in, lines of parts out. A row a step: its
tries as bars, those that failed told apart by sign and colour; each attempt in its own scale.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from rich.cells import cell_len

from wingman_tui import looks
from wingman_tui.format import fine_duration, fit, fit_middle, full_time
from wingman_tui.sanitise import clean
from wingman_tui.view import Part

Found = Mapping[str, Any]
Line = list[Part]
NAME_CELLS = 28
TOOK_CELLS = 8
ERROR_CELLS = 12
ERROR_LEAST_WIDTH = 70  # where errors have a column of their own
SLOWER = 1.5  # times the usual, of at least half a second
FAILED = ("failed", "interrupted")


class Marks(NamedTuple):
    """What bars are made of."""

    critical: str
    plain: str
    slack: str
    failed: str


GLYPHS, ASCII = Marks("█", "▬", "┄", "░"), Marks("#", "=", ".", "x")


class Room(NamedTuple):
    """The cells of a row's parts, and the time that its bars are drawn in."""

    names: int
    bars: int
    errors: int  # 0 where they have no column
    begin_us: int
    end_us: int


class Bar(NamedTuple):
    """A stretch of time in a row, its mark and its role."""

    begin_us: int
    end_us: int
    mark: str
    role: str
    least: int = 1  # cells that it takes however short it is


def timeline_lines(
    found: Found, width: int, ascii_only: bool = False, zone: Any = None
) -> list[Line]:
    """A row a step: when it ran, what it waited, how much later it could have ended."""
    marks = ASCII if ascii_only else GLYPHS
    former = found.get("former") or ()
    lines = [*_head(found, zone), _legend(found, marks), []]
    if former:
        lines.append(_attempt_title(found, found.get("attempt"), found.get("is_live")))
    lines += _present(found, width, marks)
    for attempt in reversed(former):
        lines += [[], _attempt_title(attempt, attempt["number"])]
        lines += _former(attempt, width, marks)
    return lines


def _head(found: Found, zone: Any) -> list[Line]:
    took_ms = max(1, found["end_us"] - found["begin_us"]) / 1000
    head = f"took {fine_duration(took_ms)}{' so far' if found.get('is_live') else ''}"
    if found.get("usual_ms"):
        head += f", usually {fine_duration(found['usual_ms'])}"
    lines: list[Line] = [[(head, "strong")]]
    end = (found.get("expected") or {}).get("end_at")
    if end:
        lines.append([(f"should end at {full_time(end, zone)}", "text")])
    if found.get("bottleneck"):
        lines.append([(clean(found["bottleneck"]), "warning")])
    return lines


def _legend(found: Found, marks: Marks) -> Line:
    legend: Line = [
        (marks.critical * 3, "focus"), (" critical path   ", "muted"),
        (marks.plain * 3, "bar_done"), (" has slack ", "muted"), (marks.slack * 3, "muted"),
    ]  # fmt: skip
    runs = [*found["spans"], *_tries(found["spans"])]
    runs += [run for attempt in found.get("former") or () for run in attempt["spans"]]
    if any(run.get("state") in FAILED for run in runs):
        legend += [("   ", "text"), (marks.failed * 3, "error"), (" failed", "muted")]
    return legend


def _tries(spans: Iterable[Found]) -> list[Found]:
    return [run for span in spans for run in span.get("tries") or ()]


def _attempt_title(attempt: Found, number: Any, is_live: Any = False) -> Line:
    look = looks.look_of(str(attempt.get("state") or ""))
    words: Line = [(f"Attempt {number}", "focus")]
    if not is_live and attempt.get("state"):
        took_ms = ((attempt.get("end_us") or 0) - (attempt.get("begin_us") or 0)) / 1000
        after = f" after {fine_duration(took_ms)}"
        words += [("   ", "text"), (look.word, look.role), (after, "muted")]
    return words


def _present(found: Found, width: int, marks: Marks) -> list[Line]:
    critical, lines, room = set(found["critical"]), [], _room_of(found, width)
    for span in found["spans"]:
        is_critical = span["path"] in critical
        bar, role = (marks.critical, "focus") if is_critical else (marks.plain, "bar_done")
        if span.get("state") in FAILED:
            bar, role = marks.failed, "error"
        end_us = span["end_us"]
        bars = [_bar_of(run, marks) for run in span.get("tries") or ()]
        bars.append(Bar(span["begin_us"], end_us, bar, role))
        if span["slack_us"] > 0:
            bars.insert(0, Bar(end_us, end_us + span["slack_us"], marks.slack, "muted", 0))
        name: Part = (span["path"], "strong" if is_critical else "text")
        took_us = end_us - min(each.begin_us for each in bars)
        took: Part = (fine_duration(took_us / 1000), _took_role(span))
        lines.append(_row(name, bars, took, span.get("error"), room))
    return lines


def _former(attempt: Found, width: int, marks: Marks) -> list[Line]:
    by_path: dict[str, list[Found]] = {}
    for run in attempt["spans"]:
        by_path.setdefault(run["path"], []).append(run)
    lines, room = list[Line](), _room_of(attempt, width)
    for path, runs in by_path.items():
        took_us = runs[-1]["end_us"] - runs[0]["begin_us"]
        bars = [_bar_of(run, marks) for run in runs]
        took: Part = (fine_duration(took_us / 1000), "text")
        lines.append(_row((path, "text"), bars, took, runs[-1]["error"], room))
    if attempt.get("more"):
        lines.append([(f"and {attempt['more']} more", "muted")])
    return lines or [[("no step ran", "muted")]]


def _bar_of(run: Found, marks: Marks) -> Bar:
    failed = run["state"] in FAILED
    mark, role = (marks.failed, "error") if failed else (marks.plain, "bar_done")
    return Bar(run["begin_us"], run["end_us"], mark, role)


def _room_of(whole: Found, width: int) -> Room:
    """How an attempt's rows are divided; errors have a column where there are some, and room."""
    spans = whole["spans"]
    names = min(NAME_CELLS, max((cell_len(clean(span["path"])) for span in spans), default=4))
    has_errors = width >= ERROR_LEAST_WIDTH and any(span.get("error") for span in spans)
    errors = ERROR_CELLS if has_errors else 0
    bars = max(8, width - names - TOOK_CELLS - 3 - (errors + 1 if errors else 0))
    return Room(names, bars, errors, whole["begin_us"] or 0, whole["end_us"] or 0)


def _row(name: Part, bars: Sequence[Bar], took: Part, error: str | None, room: Room) -> Line:
    line: Line = [(fit_middle(clean(name[0]), room.names), name[1]), (" ", "text")]
    line += drawn(bars, room.begin_us, room.end_us, room.bars)
    line.append((f" {took[0]:>{TOOK_CELLS}}", took[1]))
    if room.errors and error:
        line.append((" " + fit(clean(error), room.errors), "error"))
    return line


def drawn(bars: Iterable[Bar], begin_us: int, end_us: int, room: int) -> Line:
    """Bars in their cells, later ones over those before; none leaves the room, none is nothing."""
    whole_us = max(1, end_us - begin_us)
    cells: Line = [(" ", "text")] * room
    for bar in bars:
        first = max(0, min(room - 1, (bar.begin_us - begin_us) * room // whole_us))
        last = min(room, max(first + bar.least, (bar.end_us - begin_us) * room // whole_us))
        cells[first:last] = [(bar.mark, bar.role)] * max(0, last - first)
    return [(cell[0] * len(list(alike)), cell[1]) for cell, alike in groupby(cells)]


def _took_role(span: Found) -> str:
    """A step that took much longer than usual stands out."""
    usual_ms = span.get("usual_ms")
    took_us = span["end_us"] - span["begin_us"]
    return "warning" if usual_ms and took_us > SLOWER * 1000 * max(usual_ms, 500) else "text"
