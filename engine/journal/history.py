"""Questions about executions, answered from the projection. Read-only; runs on a thread of its own.

Every answer costs what it returns, not what is stored: pages go by key, counts come from counters.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, takewhile
from typing import Any

import apsw
import msgspec

from engine.errors import StorageError, UnknownReference
from engine.filters import Filter
from engine.flowfile.formats import current
from engine.journal.database import queries
from engine.journal.noted import noted_rows
from engine.journal.ranges import Ranges, Row, ranges_of
from engine.journal.references import find_execution
from engine.journal.rows import execution_from, fits
from engine.jsontext import encode
from engine.times import to_text

NEWEST = 1 << 62
SCAN_LIMIT = 20_000  # rows that one question may look at beyond what the index answers
BATCHES_SHOWN = 200  # of one batch step, where a whole execution is asked for
decode = msgspec.json.decode


@dataclass(frozen=True, slots=True)
class Page:
    """Some executions, newest first; `next` is the key to go on from, None at the end."""

    rows: list[dict[str, Any]]
    next: int | None


class History:
    """One reading connection and the questions it answers."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._db = connection
        self._named = queries()

    @property
    def connection(self) -> apsw.Connection:
        """For replaying events, as `engine.recovery` does."""
        return self._db

    def get(self, name: str, *values: Any) -> Any:
        """The first value that a named statement gives; None where there is none."""
        return self._db.execute(self._named[name], values).get

    def page(self, wanted: Filter, before: int | None, limit: int) -> Page:
        """Up to `limit` executions that fit, newest first, below the key `before`."""
        low, high = self._bounds(wanted, before)
        ranges = self._ranges(wanted)
        if ranges.decide and len(ranges.ranges) > 1:
            keys = ranges.keys(self._db, self._named, high, limit)
            return self._page_of([key for key in islice(keys, limit) if key >= low], limit)
        found: list[dict[str, Any]] = []
        looked = 0
        last: int | None = None
        for row in self._merged(wanted, high, limit, ranges):
            looked += 1
            last = row[0]
            if row[0] < low or looked > SCAN_LIMIT:
                break
            if fits(row, wanted):
                found.append(execution_from(row))
                if len(found) == limit:
                    return Page(found, row[0])
        return Page(found, last if looked > SCAN_LIMIT else None)

    def _page_of(self, keys: list[int], limit: int) -> Page:
        """The page that has these executions."""
        rows = self._db.execute(self._named["executions"], (encode(keys).decode(),))
        return Page([execution_from(row) for row in rows], keys[-1] if len(keys) == limit else None)

    def _bounds(self, wanted: Filter, before: int | None) -> tuple[int, int]:
        """The lowest ord that counts, and the one below which to look."""
        low, high = 0, NEWEST if before is None else before
        if wanted.since_us is not None:
            low = self.get("first_ord_since", wanted.since_us) or NEWEST
        if wanted.until_us is not None:
            high = min(high, (self.get("last_ord_until", wanted.until_us) or 0) + 1)
        return low, high

    def _ranges(self, wanted: Filter) -> Ranges:
        return ranges_of(wanted, self._db.execute(self._named["counters"]).fetchall())

    def _merged(
        self, wanted: Filter, high: int, limit: int, ranges: Ranges | None = None
    ) -> Iterator[Row]:
        """Rows of all index ranges that the filter names, merged newest first."""
        if wanted.notes:
            return noted_rows(self._db, self._named, wanted.notes, high)
        return (ranges or self._ranges(wanted)).rows(self._db, self._named, high, limit)

    def counts(self, hidden: frozenset[str] = frozenset()) -> dict[str, int]:
        """How many executions are in each state, those of hidden flows left out."""
        found: dict[str, int] = {}
        for flow, state, n in self._db.execute(self._named["counters"]):
            if flow not in hidden:
                found[state] = found.get(state, 0) + n
        return found

    def total(self, wanted: Filter, limit: int) -> tuple[int, bool]:
        """How many executions fit, and whether that is exact: counted up to `limit`."""
        if self.is_counted(wanted):
            counters = self._db.execute(self._named["counters"])
            return sum(
                n
                for flow, state, n in counters
                if (wanted.flows is None or flow in wanted.flows)
                and flow not in wanted.hidden
                and (not wanted.states or state in wanted.states)
            ), True
        low, high = self._bounds(wanted, None)
        found = 0
        for looked, row in enumerate(self._merged(wanted, high, 500)):
            if row[0] < low:
                break
            if looked >= limit:
                return found, False
            found += fits(row, wanted)
        return found, True

    def is_counted(self, wanted: Filter) -> bool:
        """Whether counters know how many fit: nothing but flows and states is asked for."""
        return wanted == Filter(states=wanted.states, flows=wanted.flows, hidden=wanted.hidden)

    def in_one_range(self, wanted: Filter) -> bool:
        """Whether one index holds the whole list: all, those of one state, or of one flow."""
        return wanted in (
            Filter(),
            Filter(states=wanted.states[:1]),
            Filter(flows=wanted.flows[:1] if wanted.flows else None),
            Filter(states=wanted.states[:1], flows=(wanted.flows or ("",))[:1]),
        )

    def flow_names(self) -> list[str]:
        """The flows that have executions, by name."""
        counters = self._db.execute(self._named["counters"])
        return sorted({flow for flow, _, n in counters if n})

    def newest_keys(self, wanted: Filter, limit: int) -> tuple[list[int], bool]:
        """The keys of the newest `limit` that fit, newest first, and whether these are all."""
        low, high = self._bounds(wanted, None)
        ranges = self._ranges(wanted)
        if ranges.decide:
            found = ranges.keys(self._db, self._named, high, limit)
            keys = list(takewhile(lambda key: key >= low, islice(found, limit + 1)))
            return keys[:limit], len(keys) <= limit
        keys = []
        for looked, row in enumerate(self._merged(wanted, high, limit, ranges)):
            if row[0] < low:
                break
            if looked >= SCAN_LIMIT or len(keys) == limit:
                return keys, False
            if fits(row, wanted):
                keys.append(row[0])
        return keys, True

    def facts(self, keys: list[int]) -> list[tuple[int, str, str, int | None, int | None]]:
        """(ord, flow, state, started, milliseconds) of executions, newest first."""
        return list(self._db.execute(self._named["facts"], (encode(keys).decode(),)))

    def key_at(self, wanted: Filter, offset: int) -> int | None:
        """The key below which the row number `offset` (from 0) of the filtered list begins."""
        if offset == 0:
            return None
        if self.in_one_range(wanted):
            return self._key_in_one_range(wanted, offset)
        low, high = self._bounds(wanted, None)
        ranges = self._ranges(wanted)
        if ranges.decide and low == 0:
            keys = ranges.keys(self._db, self._named, high, min(offset + 1, 1000))
            return next(islice(keys, offset - 1, None), 0)
        n = 0
        for row in self._merged(wanted, high, min(offset + 1, 1000), ranges):
            if row[0] < low:
                return int(row[0])
            n += fits(row, wanted)
            if n == offset:
                return int(row[0])
        return 0

    def _key_in_one_range(self, wanted: Filter, offset: int) -> int:
        """The same where one index holds the list: SQLite steps over its entries by itself.

        It does so from the end that is nearer; only a single flow's entries are few.
        """
        state, flow = (wanted.states or ("",))[0], (wanted.flows or ("",))[0]
        if state and flow:
            found = self.get("ord_at_offset_by_flow_and_state", flow, state, offset - 1)
        elif flow:
            found = self.get("ord_at_offset_by_flow", flow, offset - 1)
        else:
            total, _ = self.total(wanted, 0)
            from_end = "_from_end" if offset > total // 2 else ""
            steps = total - offset if from_end else offset - 1
            if steps < 0:
                return 0
            if state:
                found = self.get("ord_at_offset_by_state" + from_end, state, steps)
            else:
                found = self.get("ord_at_offset" + from_end, steps)
        return int(found or 0)

    def execution(self, ord_: int) -> dict[str, Any]:
        """One execution with its steps, as wire.Execution."""
        row: Any = self._db.execute(self._named["execution"], (ord_,)).fetchone()
        if row is None:
            raise UnknownReference("there is no such execution any more", "retention removed it")
        found = execution_from(row)
        steps = self._db.execute(self._named["steps_of"], (ord_, row[12]))
        found["steps"] = []
        for (text,) in steps:
            step = decode(text)
            found["steps"].append(step)
            if step.get("batch"):
                found["steps"] += self._some_batches(ord_, step["batch"])
        return found

    def _some_batches(self, ord_: int, batch: dict[str, Any]) -> list[dict[str, Any]]:
        """Of a batch step those that did not complete, then the first; never all of very many."""
        first = batch["position"]
        bounds = (ord_, first, first + batch["batches"])
        odd = self._db.execute(self._named["odd_batches"], (*bounds, BATCHES_SHOWN)).fetchall()
        left = BATCHES_SHOWN - len(odd)
        good = self._db.execute(self._named["good_batches"], (*bounds, left)).fetchall()
        rows: list[Row] = sorted(odd + good)
        return [decode(text) for _, text in rows]

    def batches(
        self, ord_: int, batch: dict[str, Any], after: int, limit: int, state: str | None
    ) -> list[tuple[int, dict[str, Any]]]:
        """(number, batch) of a batch step, in order, from the number after `after` on."""
        first = batch["position"]
        bounds = (ord_, first + after + 1, first + batch["batches"], limit, state)
        rows = self._db.execute(self._named["batches_of"], bounds)
        return [(position - first, decode(text)) for position, text in rows]

    def rows(self, ords: list[int]) -> list[dict[str, Any]]:
        """Executions without steps, in the order asked for."""
        fetched = (self._db.execute(self._named["execution"], (ord_,)).fetchone() for ord_ in ords)
        return [execution_from(row) for row in fetched if row is not None]

    def text_of(self, version: str, source: str) -> str | None:
        return self.get("version_text", version, source)  # type: ignore[no-any-return]

    def compiled_of(self, version: str, source: str) -> dict[str, Any]:
        """A version's compiled flow. Raises StorageError where it is gone."""
        text = self.get("version", version, source)
        if text is None:
            raise StorageError(f"the flow's version {version[:12]} is missing from the journal")
        return current(decode(text))

    def newest(self, flow: str, limit: int) -> list[dict[str, Any]]:
        """The newest executions of a flow: {"id", "number", "state", "duration_ms"}."""
        rows = self._db.execute(self._named["newest_of_flow"], (flow, limit))
        return [
            {"id": id_, "number": number, "state": state, "duration_ms": duration}
            for id_, number, state, duration in rows
        ]

    def good_durations_ms(self, flow: str, limit: int) -> list[int]:
        """What those of the newest executions took that have completed without a retry."""
        rows = self._db.execute(self._named["good_of_newest"], (flow, limit))
        return [duration for (duration,) in rows]

    def attempts(self, ord_: int, path: str | None = None) -> dict[int, tuple[str, int]]:
        """(step path, attempt of the step) by attempt number of an execution, or of one step."""
        rows = self._db.execute(self._named["attempts_of"], (ord_, path))
        return {number: (step, nth) for number, step, nth, _, _ in rows}

    def logged(self, ord_: int) -> list[tuple[int, str, int, int | None]]:
        """(attempt, step path, bytes, index records) of every ended attempt that printed."""
        return list(self._db.execute(self._named["logged"], (ord_,)))

    def ended_attempts(self, ord_: int) -> list[tuple[int, str, int, str, int, int]]:
        """(attempt, step path, attempt of the step, state, log bytes, log records), in order."""
        return list(self._db.execute(self._named["ended_attempts"], (ord_,)))

    def first_event(self, ord_: int) -> dict[str, Any]:
        """The data of an execution's first event: how it was asked for."""
        return decode(self.get("first_event_of", ord_))  # type: ignore[no-any-return]

    def events(self, ord_: int) -> list[tuple[int, int, str, dict[str, Any]]]:
        """(seq, at, type, data) of one execution, in order."""
        rows = self._db.execute(self._named["events_of"], (ord_,))
        return [(seq, at, type_, decode(text)) for seq, at, type_, text in rows]

    def events_after(
        self, seq: int, limit: int, ord_: int | None = None, hidden: frozenset[str] = frozenset()
    ) -> tuple[list[dict[str, Any]], int]:
        """The event stream from a number on, of all executions or of one; where to go on."""
        if ord_ is None:
            rows = list(self._db.execute(self._named["events_after"], (seq, limit)))
        else:
            rows = list(self._db.execute(self._named["events_of_after"], (seq, limit, ord_)))
        return [
            {"seq": n, "execution": id_, "at": to_text(at), "type": type_, "data": decode(text)}
            for n, id_, at, type_, text, flow in rows
            if flow not in hidden
        ], int(rows[-1][0]) if rows else seq

    def decisions(self, ord_: int) -> list[dict[str, Any]]:
        """What people have decided about an execution, in order: {"at", "type", "data"}."""
        rows = self._db.execute(self._named["decisions_of"], (ord_,))
        return [{"at": to_text(at), "type": kind, "data": decode(text)} for at, kind, text in rows]

    def by_id(self, execution_id: str) -> int | None:
        return self.get("by_id", execution_id)  # type: ignore[no-any-return]

    def by_request_key(self, key: str) -> int | None:
        return self.get("by_request_key", key)  # type: ignore[no-any-return]

    def find(self, reference: str, hidden: frozenset[str] = frozenset()) -> int:
        """The ord that a reference means, as if there were no executions of hidden flows.

        Raises UnknownReference, UsageError when ambiguous.
        """
        return find_execution(self, reference, hidden)
