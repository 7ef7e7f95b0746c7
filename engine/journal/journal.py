"""The journal: what goes together into one synced transaction, and who is told when it is there.

The engine's loop adds to the open batch; whatever has gathered at the end of a turn, or while the
writer was busy, is one group. Nobody waits for a timer. Raises nothing into the loop: the writer
waits for a full disk (`degraded` tells), any other fault of the disk ends the process.
"""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import apsw

from engine.core.state import Execution, StepState
from engine.journal.batch import Batch
from engine.journal.chain import open_chain
from engine.journal.database import open_reader, queries, row_queries, rows_query
from engine.journal.writer import Statements, Writer
from engine.jsontext import encode, whole
from engine.model import Event
from engine.origin import asked, origin

SWITCH_INTERVAL_S = 0.0005  # the writer must get the interpreter back soon after each sync
PLAIN = frozenset((int, type(None), bool, float))
# rows of a table that one statement takes, largest first: few sizes, so that all stay prepared
GROUPS = (64, 32, 16, 8, 4, 2, 1)



class Journal:
    """The one writer of a home's database."""

    def __init__(
        self,
        path: Path,
        ballast: Path | None = None,
        report: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.path = path
        self._writer = Writer(path, ballast, report)
        self.epoch = self._writer.epoch
        connection = self._writer.connection
        self.seq, self.last_at_us = connection.execute(queries()["last_event"]).get
        self.last_ord: int = connection.execute(queries()["highest_ord"]).get
        self.chain = open_chain(connection)
        self.on_audit: Callable[[], None] = lambda: None
        self.on_told: Callable[[], None] = lambda: None  # all who waited for a commit are told
        self._batch = Batch()
        self._after: list[Callable[[], None]] = []
        self._shown_inputs: dict[int, dict[str, Any]] = {}
        self._counted: dict[int, str] = {}
        self._versions: set[tuple[str, str]] = set()  # those that were written already
        self._busy = False
        self._scheduled = False
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to commit; callbacks run on `loop`."""
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        self._loop = loop
        self._writer.start()

    def watch(
        self, execution: Execution, shown_inputs: dict[str, Any], counted: str | None
    ) -> None:
        """Know an open execution: its inputs as stored, and the state the counters have for it."""
        self._shown_inputs[execution.ord] = shown_inputs
        if counted is not None:
            self._counted[execution.ord] = counted

    def shown_inputs(self, execution: Execution) -> dict[str, Any]:
        """The inputs of an open execution as they may be stored and shown."""
        return self._shown_inputs.get(execution.ord, {})

    def forget(self, execution: Execution) -> None:
        """An execution has ended and is committed."""
        self._shown_inputs.pop(execution.ord, None)
        self._counted.pop(execution.ord, None)

    def add(self, execution: Execution, events: list[Event]) -> None:
        """Put events, with the rows they change, into the open batch."""
        batch = self._batch
        for event in events:
            self.seq += 1
            batch.events.append([self.seq, execution.ord, event.at_us, event.type, event.data])
            path = event.data.get("step")
            is_shown = event.type != "execution.ended" and not event.data.get("lined_up")
            if path is not None and is_shown:
                self._touch(execution, execution.steps[path])
            if event.type == "execution.retried":
                for step in execution.steps.values():
                    self._touch(execution, step)
            self._attempt_rows(execution, event)
        batch.executions[execution.ord] = execution
        self._count(execution)
        self._schedule()

    def _touch(self, execution: Execution, step: StepState) -> None:
        self._batch.steps[execution.ord, step.index] = (execution, step)

    def _attempt_rows(self, execution: Execution, event: Event) -> None:
        data = event.data
        if event.type == "attempt.starting":
            self._batch.attempts.append(
                [
                    execution.ord,
                    data["number"],
                    data["step"],
                    data["try_number"],
                    data["generation"],
                ]
            )
        elif event.type == "step.reused":
            for number, nth, state, log_bytes, log_records in data.get("attempts", ()):
                batch, at_us = self._batch, event.at_us
                batch.attempts.append([execution.ord, number, data["step"], nth, ""])
                batch.ends.append([execution.ord, number, at_us, state, log_bytes, log_records])
        elif event.type == "attempt.ended":
            end = data.get("end") or {}
            lost = end.get("log_lost_bytes", 0)  # as if a record and its bytes had been lost later
            self._batch.ends.append(
                [
                    execution.ord,
                    data["number"],
                    event.at_us,
                    data["state"],
                    end["log_bytes"] + lost if "log_bytes" in end else None,
                    end["log_records"] + bool(lost) if "log_records" in end else None,
                ]
            )

    def add_new(self, execution: Execution, first: Event, shown_inputs: dict[str, Any]) -> None:
        """Put a new execution with all of its steps into the open batch."""
        self.watch(execution, shown_inputs, None)
        self.add(execution, [first])
        for step in execution.steps.values():
            self._touch(execution, step)

    def abandon(self, ord_: int, at_us: int, reason: str) -> Event:
        """End an execution that cannot be restored: failed, what ran is interrupted."""
        error = {"step": None, "type": "lost", "message": f"it cannot go on: {reason}"}
        self.seq += 1
        data = {"state": "failed", "error": error, "outputs": {}}
        self._batch.events.append([self.seq, ord_, at_us, "execution.ended", data])
        self._batch.abandoned.append([ord_, at_us, error])
        self._schedule()
        return Event(self.seq, "", at_us, "execution.ended", data)

    def add_version(self, row: list[Any]) -> None:
        """Keep a flow's version; [version, name, source, text, compiled, at]."""
        key = (row[0], row[2])
        if key not in self._versions:
            self._versions.add(key)
            self._batch.versions.append(row)

    def add_flow(self, name: str, last_number: int, debug: str) -> None:
        self._batch.flows[name] = [name, last_number, debug]
        self._schedule()

    def add_audit(self, at_us: int, actor: str, action: str, subject: str, reason: str) -> None:
        """Put a line into the audit: who did what to what, why; from where is known."""
        line = self.chain.add(at_us, actor, action, subject, reason, origin.get())
        self._batch.audit.append(list(line))
        mark = asked.get()
        if mark is not None and not mark.is_marked:
            mark.is_marked = True
            self._batch.others.append(("insert_taken", [mark.id, mark.request, at_us]))
        self.on_audit()
        self._schedule()

    def add_row(self, statement: str, row: list[Any], is_heavy: bool = False) -> None:
        """Run a named statement on one row: for what changes too rarely to be gathered.

        A heavy one does much for few values: it must not be committed on the loop's thread.
        """
        self._batch.others.append((statement, row))
        self._batch.is_heavy |= is_heavy
        self._schedule()

    def add_trigger(self, row: list[Any], *occasions: list[Any]) -> None:
        """Keep a trigger's state, and what became of occasions: the columns of their tables."""
        self._batch.triggers[row[0]] = row
        self._batch.occasions += occasions
        self._schedule()

    def _count(self, execution: Execution) -> None:
        before = self._counted.get(execution.ord)
        if before == execution.state:
            return
        changed = self._batch.created if before is None else self._batch.moved
        changed.add(execution.ord)
        if before is not None:
            self._batch.count(execution.flow, before, -1)
        self._batch.count(execution.flow, execution.state, 1)
        self._counted[execution.ord] = execution.state

    def when_durable(self, callback: Callable[[], None]) -> None:
        """Call back on the loop once everything added so far is synced."""
        self._after.append(callback)
        self._schedule()

    def durable(self) -> asyncio.Future[None]:
        """A future that is done once everything added so far is synced."""
        assert self._loop is not None
        future: asyncio.Future[None] = self._loop.create_future()
        self.when_durable(lambda: _resolve(future))
        return future

    def _schedule(self) -> None:
        if not (self._busy or self._scheduled) and self._loop is not None:
            self._scheduled = True
            self._loop.call_soon(self._hand_over)

    def _hand_over(self) -> None:
        """Have committed what has gathered by the end of this turn of the loop."""
        self._scheduled = False
        batch, self._batch = self._batch, Batch()
        after, self._after = self._after, []
        statements = self._encode(batch)
        if not statements or (not batch.is_heavy and self._writer.commit_now(statements)):
            self._committed(after)
        else:
            self._busy = True
            self._writer.hand_over(statements, self._report_committed(after))

    def _report_committed(self, after: list[Callable[[], None]]) -> Callable[[], None]:
        """What the writer's thread calls; raises RuntimeError where the loop is closed."""
        loop = self._loop
        assert loop is not None

        def report() -> None:
            loop.call_soon_threadsafe(self._committed, after)

        return report

    def _encode(self, batch: Batch) -> Statements:
        found: Statements = []
        for name, rows in batch.tables(self._shown_inputs):
            if name in row_queries():
                found += _grouped(name, rows)
            else:
                found.append((queries()[name], (encode(rows).decode(),)))
        return found

    def _committed(self, after: list[Callable[[], None]]) -> None:
        self._busy = False
        for callback in (*after, self.on_told):
            try:
                callback()
            except Exception:  # a fault of one must not starve the others: they wait for good
                traceback.print_exc()
        batch = self._batch
        waits = batch.events or batch.flows or batch.audit or batch.others or batch.triggers
        if self._after or waits:
            self._schedule()

    @property
    def degraded(self) -> str:
        """Why nothing can be written now; empty while all is well."""
        return self._writer.degraded

    @property
    def short_of_space(self) -> str:
        """Why nothing new may start; empty while all is well."""
        return self._writer.short_of_space

    def close(self) -> None:
        """Commit what is left, fold the write-ahead log, close."""
        if self._loop is not None:
            statements, self._batch = self._encode(self._batch), Batch()
            self._writer.hand_over(statements, self._report_committed(self._after))
        self._writer.close()

    def reader(self) -> apsw.Connection:
        """A new connection that only reads."""
        return open_reader(self.path)


def _grouped(name: str, rows: list[list[Any]]) -> Statements:
    """Statements for the rows of a table, as few as there can be with the sizes of `GROUPS`."""
    found: Statements = []
    at, width = 0, len(rows[0])
    for size in _sizes(len(rows)):
        values = [
            value if (kind := type(value)) in PLAIN or (kind is str and value.isascii())
            else _bound(value)
            for row in rows[at : at + size]
            for value in row
        ]
        found.append((rows_query(name, size, width), values))
        at += size
    return found


@lru_cache(1024)
def _sizes(count: int) -> tuple[int, ...]:
    """How many rows each of the statements takes, for so many."""
    found: list[int] = []
    for size in GROUPS:
        taken, count = divmod(count, size)
        found += [size] * taken
    return tuple(found)


def _bound(value: Any) -> Any:
    """A value as SQLite takes it: what is nested as JSON, and no half characters."""
    return encode(value).decode() if isinstance(value, dict | list) else whole(value)


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
