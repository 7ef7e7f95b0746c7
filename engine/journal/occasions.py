"""What triggers ask the journal: how they were left, their ledger, what became of an occasion."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import msgspec

from engine.journal.database import queries
from engine.journal.history import NEWEST, History
from engine.jsontext import encode

BYTES = "bytes:"  # no path begins so
decode = msgspec.json.decode
Fate = tuple[str, str, str | None]  # outcome, reason, execution


def triggers(history: History) -> list[tuple[Any, ...]]:
    """The rows of all triggers that ever were, their data decoded."""
    return [(*row[:-1], decode(row[-1])) for row in _ask(history, "triggers")]


def waiting(history: History) -> list[list[Any]]:
    """The rows of occasions that have no outcome yet, in their order."""
    return [[*row[:-1], decode(row[-1])] for row in _ask(history, "occasions_waiting")]


def ledger(history: History, trigger: str, before: int | None, limit: int) -> list[Any]:
    """The ledger of a trigger, newest first: seq, then the columns of its rows."""
    values = (trigger, NEWEST if before is None else before, limit)
    return [(*row[:-1], decode(row[-1])) for row in _ask(history, "occasions_of", *values)]


def fates(history: History, wanted: Iterable[tuple[str, str, str]]) -> list[Fate | None]:
    """What became of each occasion of (trigger, key, request key); None for one that never was.

    One that the ledger has forgotten is known by its execution for as long as that stays.
    """
    rows = _ask(history, "fates", encode([list(each) for each in wanted]).decode())
    return [_fate(*row) for row in rows]


def watched(history: History, trigger: str) -> dict[str, tuple[int, int, int]]:
    """The files that a trigger knows: modified (ns), bytes and inode by path."""
    rows = _ask(history, "watched", trigger)
    return {_path(stored): (modified, size, inode) for stored, modified, size, inode in rows}


def stored(path: str) -> str:
    """A path as a text of the database; one that is no UTF-8 by its bytes."""
    try:
        path.encode()
        return path
    except UnicodeEncodeError:
        return BYTES + os.fsencode(path).hex()


def _path(stored: str) -> str:
    return os.fsdecode(bytes.fromhex(stored[len(BYTES):])) if stored.startswith(BYTES) else stored


def _fate(outcome: str | None, reason: str | None, named: str | None, made: str | None) -> Any:
    if outcome is None and made is None:
        return None
    return outcome or "ran", reason or "", named or made


def _ask(history: History, name: str, *values: Any) -> list[Any]:
    return history.connection.execute(queries()[name], values).fetchall()
