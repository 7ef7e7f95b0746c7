"""Questions to the history about notes. Called with a `History`, as its own methods are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.journal.database import queries
from engine.journal.history import History
from engine.times import to_text

NEWEST = 1 << 62
PAGE_ROWS = 500  # read at once by a search
SCAN_LIMIT = 50_000  # notes that one search looks at
Row = dict[str, Any]


def notes_of(history: History, ord_: int) -> list[Row]:
    """The notes of an execution and its steps, oldest first."""
    return [_note(row) for row in _rows(history, "notes_of", ord_)]


def notes_of_error(history: History, ord_: int, flow: str, error: Row, limit: int) -> list[Row]:
    """The newest notes that were written about the same error of other executions."""
    values = (flow, error.get("type"), error.get("step"), ord_, limit)
    return [_note(row) for row in _rows(history, "notes_of_error", *values)]


def notes_of_failure(
    history: History, type_: str, places: list[tuple[str, str | None]], limit: int
) -> list[Row]:
    """The newest notes about an error in these steps of flows, whatever execution had it."""
    found: dict[int, Row] = {}
    for flow, step in places:
        for row in _rows(history, "notes_of_error", flow, type_, step, 0, limit):
            found[row[0]] = _note(row)
    return [found[id_] for id_ in sorted(found, reverse=True)[:limit]]


def find_notes(history: History, fits: Callable[[Row], bool], limit: int) -> list[Row]:
    """The newest notes that fit."""
    found: list[Row] = []
    before = NEWEST
    for _ in range(SCAN_LIMIT // PAGE_ROWS):
        rows = [_note(row) for row in _rows(history, "notes_below", before, PAGE_ROWS)]
        found += [note for note in rows if fits(note)]
        if len(found) >= limit or len(rows) < PAGE_ROWS:
            break
        before = rows[-1]["id"]
    return found[:limit]


def last_note(history: History) -> int:
    """The highest number that a note has."""
    return int(history.connection.execute(queries()["last_note"]).get)


def _rows(history: History, name: str, *values: Any) -> list[tuple[Any, ...]]:
    return list(history.connection.execute(queries()[name], values))


def _note(row: tuple[Any, ...]) -> Row:
    """A row as people.Note."""
    id_, execution, flow, number, step, at, by, text, error_step, error_type, edited, who = row
    error = {"step": error_step, "type": error_type} if error_type else None
    return {
        "id": id_, "execution": execution, "flow": flow, "number": number, "step": step,
        "at": to_text(at), "by": by, "text": text, "error": error,
        "edited_at": to_text(edited), "edited_by": who,
    }  # fmt: skip
