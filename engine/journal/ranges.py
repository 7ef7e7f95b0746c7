"""Which ranges of which index hold the executions that a filter asks for, merged newest first.

A question reads of each range only what its answer takes: first the keys, which the index alone
gives, where the ranges decide everything; else the rows.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import apsw

from engine.filters import Filter
from engine.model import EXECUTION_TRANSITIONS

RANGE_ROWS = 1000  # read at once from one index range, at the most
LEAST_ROWS = 4

Row = tuple[Any, ...]
Counters = list[tuple[Any, ...]]  # (flow, state, how many)
Range = tuple[str, tuple[str, ...]]  # the index (page_… and keys_… in queries.sql), its key


@dataclass(frozen=True, slots=True)
class Ranges:
    """The ranges for one filter; `decide` where every execution in them fits."""

    ranges: list[Range]
    decide: bool

    def rows(
        self, db: apsw.Connection, named: Mapping[str, str], high: int, limit: int
    ) -> Iterator[Row]:
        """Rows below the key `high`, newest first, read with an answer of `limit` in mind."""
        parts = self._parts("page", db, named, high, limit)
        return parts[0] if len(parts) == 1 else heapq.merge(*parts, key=lambda row: -row[0])

    def keys(
        self, db: apsw.Connection, named: Mapping[str, str], high: int, limit: int
    ) -> Iterator[int]:
        """Only the keys of those rows."""
        parts = self._parts("keys", db, named, high, limit)
        return (key for (key,) in heapq.merge(*parts, reverse=True))

    def _parts(
        self, what: str, db: apsw.Connection, named: Mapping[str, str], high: int, limit: int
    ) -> list[Iterator[Row]]:
        # of many ranges each gives a few rows only
        first = min(limit, max(LEAST_ROWS, 2 * limit // max(1, len(self.ranges))))
        return [_read(db, named[what + by], high, first, key) for by, key in self.ranges]


def _read(
    db: apsw.Connection, sql: str, high: int, limit: int, key: tuple[str, ...]
) -> Iterator[Row]:
    """Rows of one index range, read in pages, so that a merge reads no more than it uses."""
    while True:
        rows: list[Row] = db.execute(sql, (high, limit, *key)).fetchall()
        yield from rows
        if len(rows) < limit:
            return
        high, limit = rows[-1][0], min(2 * limit, RANGE_ROWS)


def ranges_of(wanted: Filter, counters: Counters) -> Ranges:
    """The ranges for a filter; `counters` say which flows there are, in which states."""
    flows = wanted.flows
    texts = wanted.texts
    if texts and flows is None and (names := _flows_with(texts, counters)):
        flows, texts = names, ()
    states = wanted.states or tuple(EXECUTION_TRANSITIONS)
    decide = not (texts or wanted.triggers or wanted.waiting or wanted.notes)
    if flows is not None:
        there = {(flow, state) for flow, state, n in counters if n}
        found: list[Range] = [
            ("_by_flow", (state, flow))
            for flow in flows
            for state in states
            if (flow, state) in there and flow not in wanted.hidden
        ]
        return Ranges(found, decide and not wanted.types)
    decide = decide and not wanted.hidden
    if wanted.types:
        found = [("_by_type", (state, type_)) for type_ in wanted.types for state in states]
        return Ranges(found, decide)
    if wanted.states:
        return Ranges([("_by_state", (state,)) for state in states], decide)
    return Ranges([("", ())], decide)


def _flows_with(texts: tuple[str, ...], counters: Counters) -> tuple[str, ...]:
    """Flows whose name holds every text; empty when none does: then rows are looked through."""
    names = {flow for flow, _, _ in counters}
    return tuple(sorted(n for n in names if all(t.lower() in n.lower() for t in texts)))
