"""What the inbox holds, as the API shows it. Read-only; called with a `History`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from engine.errors import UnknownReference, UsageError
from engine.journal.database import queries
from engine.journal.history import History
from engine.jsontext import encode
from engine.times import to_text

SHOWS = ("open", "snoozed", "recovered", "all")
LOOKED_AT = 1000  # entries of each kind
PLACES_SHOWN = 20  # of one entry
LEAST_CHARACTERS = 4
COLUMNS = ("id", "type", "last", "open", "acked_at", "acked_by", "snoozed_until", "snoozed_by",
           "assigned_to", "assigned_by", "left_at", "left_by")  # fmt: skip
ACKED_AT, SNOOZED_UNTIL, ASSIGNED_TO, LEFT_BY = (
    COLUMNS.index(name) for name in ("acked_at", "snoozed_until", "assigned_to", "left_by")
)
MOMENTS = ("acked_at", "snoozed_until", "left_at")
FLOW, STEP, MESSAGE, OPEN, TIMES, TOTAL, FIRST, SINCE, LAST, EXECUTION, NUMBER = range(1, 12)
Row = tuple[Any, ...]
Entry = dict[str, Any]


class Weighed(NamedTuple):
    """What is asked of every entry, before those that are shown are made."""

    row: Row
    places: list[Row]
    counted: list[Row]  # of the places, those that make it what it is
    is_open: bool
    state: str
    last_us: int


@dataclass(slots=True)
class Found:
    """Some entries, how many there are of each kind, and when the first snooze ends."""

    entries: list[Entry]
    counts: dict[str, int] = field(default_factory=dict)
    wakes_us: int | None = None


def entries(
    history: History, show: str, hidden: frozenset[str], now_us: int, text: str, limit: int
) -> Found:
    """The entries of a kind that hold every word of a text, newest first. Raises UsageError."""
    if show not in SHOWS:
        raise UsageError(f"the inbox cannot show {show!r}", f"one of {', '.join(SHOWS)}")
    rows = _newest(history, 1)
    if show in ("recovered", "all"):
        rows += _newest(history, 0)
    found = _weighed(history, rows, hidden, now_us)
    counts = dict.fromkeys(("open", "acknowledged", "snoozed"), 0)
    for one in found:
        if one.state in counts:
            counts[one.state] += 1
    wakes = [one.row[SNOOZED_UNTIL] for one in found if one.state == "snoozed"]
    words = text.lower().split()
    chosen = [one for one in found if _fits(one, show) and (not words or _holds(one, words))]
    chosen.sort(key=lambda one: one.last_us, reverse=True)
    return Found([_entry(one) for one in chosen[:limit]], counts, min(wakes, default=None))


def find_entries(
    history: History, reference: str, hidden: frozenset[str], now_us: int
) -> list[Entry]:
    """The entries whose fingerprint begins so. Raises UnknownReference."""
    if not re.fullmatch(rf"[0-9a-f]{{{LEAST_CHARACTERS},12}}", reference):
        hint = "`wingman inbox` lists it; 4 characters are enough where they fit one"
        raise UnknownReference(f"{reference!r} is no name of an entry of the inbox", hint)
    rows = history.connection.execute(queries()["inbox_entries"], (reference,)).fetchall()
    return [_entry(one) for one in _weighed(history, rows, hidden, now_us)]


def _newest(history: History, is_open: int) -> list[Row]:
    values = (is_open, LOOKED_AT)
    return history.connection.execute(queries()["inbox_newest"], values).fetchall()


def _places(history: History, fingerprints: Sequence[str]) -> list[Row]:
    values = (encode(list(fingerprints)).decode(),)
    return history.connection.execute(queries()["places_of"], values).fetchall()


def _weighed(
    history: History, rows: Sequence[Row], hidden: frozenset[str], now_us: int
) -> list[Weighed]:
    """Rows with their places, without what is only of flows that the caller may not see."""
    places: dict[str, list[Row]] = {}
    for place in _places(history, [row[0] for row in rows]):
        if place[FLOW] not in hidden:
            places.setdefault(place[0], []).append(place)
    return [_weigh(row, places[row[0]], now_us) for row in rows if row[0] in places]


def _weigh(row: Row, places: list[Row], now_us: int) -> Weighed:
    is_open = any(place[OPEN] for place in places)
    # those that have recovered do not count while others have not
    counted = [place for place in places if place[OPEN] or not is_open]
    last_us = max(place[LAST] for place in counted)
    return Weighed(row, places, counted, is_open, _state(row, is_open, now_us), last_us)


def _entry(one: Weighed) -> Entry:
    """An entry as the API shows it."""
    found = dict(zip(COLUMNS, one.row, strict=True))
    newest = one.counted[0]
    return {
        **found,
        **{name: to_text(found[name]) for name in MOMENTS},
        "state": one.state,
        "message": newest[MESSAGE],
        "times": sum(place[TIMES] for place in one.counted),
        "total": sum(place[TOTAL] for place in one.places),
        "first": to_text(min(place[FIRST] for place in one.places)),
        "since": to_text(min(place[SINCE] for place in one.counted)),
        "last": to_text(one.last_us),
        "flows": len({place[FLOW] for place in one.counted}),
        "flow": newest[FLOW],
        "step": newest[STEP] or None,
        "execution": newest[EXECUTION],
        "number": newest[NUMBER],
        "open": one.is_open,
        "places": [_place(place) for place in one.places[:PLACES_SHOWN]],
    }


def _state(row: Row, is_open: bool, now_us: int) -> str:
    if not is_open:
        return "closed" if row[LEFT_BY] else "recovered"
    if (row[SNOOZED_UNTIL] or 0) > now_us:
        return "snoozed"
    return "acknowledged" if row[ACKED_AT] else "open"


def _place(place: Row) -> dict[str, Any]:
    return {
        "flow": place[FLOW],
        "step": place[STEP] or None,
        "open": bool(place[OPEN]),
        "times": place[TIMES],
        "first": to_text(place[FIRST]),
        "last": to_text(place[LAST]),
        "execution": place[EXECUTION],
        "number": place[NUMBER],
    }


def _fits(one: Weighed, show: str) -> bool:
    if show == "open":
        return one.state in ("open", "acknowledged")
    if show == "recovered":
        return not one.is_open
    return show == "all" or one.state == show


def _holds(one: Weighed, words: Iterable[str]) -> bool:
    places = " ".join(f"{place[FLOW]} {place[STEP]}" for place in one.places[:PLACES_SHOWN])
    id_, type_, owner = one.row[0], one.row[1], one.row[ASSIGNED_TO] or ""
    said = f"{id_} {type_} {one.counted[0][MESSAGE]} {places} {owner}".lower()
    return all(word in said for word in words)
