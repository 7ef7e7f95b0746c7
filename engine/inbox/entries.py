"""What the inbox holds, as the API shows it. Read-only; called with a `History`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

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
MOMENTS = ("acked_at", "snoozed_until", "left_at")
FLOW, STEP, MESSAGE, OPEN, TIMES, TOTAL, FIRST, SINCE, LAST, EXECUTION, NUMBER = range(1, 12)
Row = tuple[Any, ...]
Entry = dict[str, Any]


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
    found = _entries(history, rows, hidden, now_us)
    counts = dict.fromkeys(("open", "acknowledged", "snoozed"), 0)
    for entry in found:
        if entry["state"] in counts:
            counts[entry["state"]] += 1
    wakes = [row[6] for row in rows if row[3] and (row[6] or 0) > now_us]
    words = text.lower().split()
    chosen = [entry for entry in found if _fits(entry, show) and _holds(entry, words)]
    chosen.sort(key=lambda entry: entry["last"], reverse=True)
    return Found(chosen[:limit], counts, min(wakes, default=None))


def find_entries(
    history: History, reference: str, hidden: frozenset[str], now_us: int
) -> list[Entry]:
    """The entries whose fingerprint begins so. Raises UnknownReference."""
    if not re.fullmatch(rf"[0-9a-f]{{{LEAST_CHARACTERS},12}}", reference):
        hint = "`wingman inbox` lists it; 4 characters are enough where they fit one"
        raise UnknownReference(f"{reference!r} is no name of an entry of the inbox", hint)
    rows = history.connection.execute(queries()["inbox_entries"], (reference,)).fetchall()
    return _entries(history, rows, hidden, now_us)


def _newest(history: History, is_open: int) -> list[Row]:
    values = (is_open, LOOKED_AT)
    return history.connection.execute(queries()["inbox_newest"], values).fetchall()


def _places(history: History, fingerprints: Sequence[str]) -> list[Row]:
    values = (encode(list(fingerprints)).decode(),)
    return history.connection.execute(queries()["places_of"], values).fetchall()


def _entries(
    history: History, rows: Sequence[Row], hidden: frozenset[str], now_us: int
) -> list[Entry]:
    """Rows as the API shows them, without what is only of flows that the caller may not see."""
    places: dict[str, list[Row]] = {}
    for place in _places(history, [row[0] for row in rows]):
        if place[FLOW] not in hidden:
            places.setdefault(place[0], []).append(place)
    return [_entry(row, places[row[0]], now_us) for row in rows if row[0] in places]


def _entry(row: Row, places: list[Row], now_us: int) -> Entry:
    found = dict(zip(COLUMNS, row, strict=True))
    is_open = any(place[OPEN] for place in places)
    # those that have recovered do not count while others have not
    counted = [place for place in places if place[OPEN] or not is_open]
    newest = counted[0]
    return {
        **found,
        **{name: to_text(found[name]) for name in MOMENTS},
        "state": _state(found, is_open, now_us),
        "message": newest[MESSAGE],
        "times": sum(place[TIMES] for place in counted),
        "total": sum(place[TOTAL] for place in places),
        "first": to_text(min(place[FIRST] for place in places)),
        "since": to_text(min(place[SINCE] for place in counted)),
        "last": to_text(max(place[LAST] for place in counted)),
        "flows": len({place[FLOW] for place in counted}),
        "flow": newest[FLOW],
        "step": newest[STEP] or None,
        "execution": newest[EXECUTION],
        "number": newest[NUMBER],
        "open": is_open,
        "places": [_place(place) for place in places[:PLACES_SHOWN]],
    }


def _state(found: Entry, is_open: bool, now_us: int) -> str:
    if not is_open:
        return "closed" if found["left_by"] else "recovered"
    if (found["snoozed_until"] or 0) > now_us:
        return "snoozed"
    return "acknowledged" if found["acked_at"] else "open"


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


def _fits(entry: Entry, show: str) -> bool:
    if show == "open":
        return entry["state"] in ("open", "acknowledged")
    if show == "recovered":
        return not entry["open"]
    return show == "all" or entry["state"] == show


def _holds(entry: Entry, words: Iterable[str]) -> bool:
    places = " ".join(f"{place['flow']} {place['step'] or ''}" for place in entry["places"])
    owner = entry["assigned_to"] or ""
    said = f"{entry['id']} {entry['type']} {entry['message']} {places} {owner}".lower()
    return all(word in said for word in words)
