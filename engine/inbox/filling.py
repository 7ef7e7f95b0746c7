"""The inbox of a history that is older than it: what has not recovered. Once in a home's life.

Costs a look at the indexes for each flow that has ever failed, and reads only failures that are
newer than the flow's last good execution: a history of a million takes no longer than a small one.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from engine.inbox.fingerprint import Failure, failure_of
from engine.journal.database import queries
from engine.journal.history import NEWEST, History

FAILURES_LIMIT = 200  # of a flow and state: what is older is not counted
FAILED = ("failed", "partial")
ORD, ID, NUMBER, CREATED, ENDED, DATA = 0, 1, 3, 7, 9, 14  # columns of `page_by_flow`


class Seen(NamedTuple):
    """How often a failure happened in one place, and the newest execution that had it."""

    first_us: int
    last_us: int
    execution: str
    number: int
    times: int = 1


def is_filled(history: History) -> bool:
    """Whether the inbox of this home was filled already."""
    return bool(history.connection.execute(queries()["is_inbox_filled"]).get)


def open_failures(history: History) -> Iterator[tuple[str, Failure, Seen]]:
    """The failures of each flow that has not recovered, and how often they happened."""
    named = queries()
    counted: list[tuple[Any, ...]] = history.connection.execute(named["counters"]).fetchall()
    for flow in sorted({flow for flow, state, n in counted if n > 0 and state in FAILED}):
        good: Any = history.connection.execute(named["last_good"], (flow, NEWEST, 1)).fetchone()
        after = good[0] if good else 0
        found: dict[Failure, Seen] = {}
        for row in _failed(history, flow, after):
            failure = failure_of(msgspec.json.decode(row[DATA]).get("error"), flow)
            at_us = row[ENDED] or row[CREATED]
            first_us, times = at_us, 1
            alike = next((one for one in found if one[:3] == failure[:3]), None)
            if alike is not None:
                before = found.pop(alike)
                first_us, times = before.first_us, before.times + 1
            found[failure] = Seen(first_us, at_us, row[ID], row[NUMBER], times)
        for failure, seen in found.items():
            yield flow, failure, seen


def _failed(history: History, flow: str, after: int) -> list[tuple[Any, ...]]:
    """The newest executions of a flow after a key that did not end well, oldest first."""
    rows: list[tuple[Any, ...]] = []
    for state in FAILED:
        values = (NEWEST, FAILURES_LIMIT, state, flow)
        found = history.connection.execute(queries()["page_by_flow"], values)
        rows += itertools.takewhile(lambda row: row[ORD] > after, found)
    return sorted(rows)
