"""The journal's writer: group commits on a thread of its own.

The engine's loop adds to the open batch; whatever has gathered goes into one synced transaction as
soon as the writer is free. Nobody waits for a timer. Raises nothing into the loop: a full disk is
waited for (`degraded` tells), any other fault of the disk ends the process.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw

from engine.core.state import Execution, StepState
from engine.journal.batch import Batch
from engine.journal.database import open_reader, open_writer, queries, row_queries
from engine.jsontext import encode, whole
from engine.model import Event

CHECKPOINT_PAGES = 1024  # 4 MiB of write-ahead log
SWITCH_INTERVAL_S = 0.0005  # the writer must get the interpreter back soon after each sync
FULL_DISK_PAUSE_S = 0.5
EXIT_STORAGE = 74
BALLAST_BYTES = 1 << 20
SPACE_LOOK_S = 0.02
RESERVED_BYTES = 4 << 20  # kept for the ends of what runs

PLAIN = (int, type(None), bool, float)
ONE_BY_ONE = 4  # so few rows of a table are cheaper bound than read from JSON by SQLite

Statements = list[tuple[str, tuple[Any, ...]]]  # SQL, what is bound to it
Group = tuple[Statements, list[Callable[[], None]]]


class Journal:
    """The one writer of a home's database."""

    def __init__(
        self,
        path: Path,
        ballast: Path | None = None,
        report: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.path = path
        self.degraded = ""
        self._report = report
        self._connection = open_writer(path)
        self._ballast = ballast
        self._keep_ballast()
        with self._connection:
            self.epoch: int = self._connection.execute(queries()["raise_epoch"]).get
        self.seq, self.last_at_us = self._connection.execute(queries()["last_event"]).get
        self.last_ord: int = self._connection.execute(queries()["last_ord"]).get
        self._wal_pages = 0
        self._connection.set_wal_hook(self._note_wal)
        self._batch = Batch()
        self._after: list[Callable[[], None]] = []
        self._shown_inputs: dict[int, dict[str, Any]] = {}
        self._counted: dict[int, str] = {}
        self._versions: set[tuple[str, str]] = set()  # those that were written already
        self._busy = False
        self._scheduled = False
        self._free_bytes = 0
        self._space_looked_at_s = -SPACE_LOOK_S
        self._groups: queue.SimpleQueue[Group | None] = queue.SimpleQueue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._write, name="journal", daemon=True)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to commit; callbacks run on `loop`."""
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        self._loop = loop
        self._thread.start()

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

    def abandon(self, ord_: int, at_us: int, reason: str) -> None:
        """End an execution that cannot be restored: failed, what ran is interrupted."""
        error = {"step": None, "type": "lost", "message": f"it cannot go on: {reason}"}
        self.seq += 1
        data = {"state": "failed", "error": error, "outputs": {}}
        self._batch.events.append([self.seq, ord_, at_us, "execution.ended", data])
        self._batch.abandoned.append([ord_, at_us, error])
        self._schedule()

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
        self._batch.audit.append([at_us, actor, action, subject, reason])
        self._schedule()

    def add_row(self, statement: str, row: list[Any]) -> None:
        """Run a named statement on one row: for what changes too rarely to be gathered."""
        self._batch.others.append((statement, row))
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
        """Give the writer what has gathered by the end of this turn of the loop."""
        self._scheduled = False
        batch, self._batch = self._batch, Batch()
        after, self._after = self._after, []
        self._busy = True
        self._groups.put((self._encode(batch), after))

    def _encode(self, batch: Batch) -> Statements:
        found: Statements = []
        for name, rows in batch.tables(self._shown_inputs):
            if len(rows) <= ONE_BY_ONE and name in row_queries():
                statement = row_queries()[name]
                found += [(statement, _bound(row)) for row in rows]
            else:
                found.append((queries()[name], (encode(rows).decode(),)))
        return found

    def _committed(self, after: list[Callable[[], None]]) -> None:
        self._busy = False
        for callback in after:
            try:
                callback()
            except Exception:  # a fault of one must not starve the others: they wait for good
                traceback.print_exc()
        batch = self._batch
        if self._after or batch.events or batch.flows or batch.audit or batch.others:
            self._schedule()

    # -- on the writer's thread ------------------------------------------------------------

    def _write(self) -> None:
        assert self._loop is not None
        while (group := self._groups.get()) is not None:
            statements, after = group
            if statements:
                self._commit_patiently(statements)
            try:
                self._loop.call_soon_threadsafe(self._committed, after)
            except RuntimeError:
                return  # the loop is closed: the process ends
            self._checkpoint()

    def _commit_patiently(self, statements: Statements) -> None:
        """Commit; wait for space on a full disk; end the process on any other fault."""
        while True:
            try:
                self._commit(statements)
                if self.degraded:
                    self._report("the journal is written again: there is space")
                    self.degraded = ""
                    self._keep_ballast()
                return
            except apsw.FullError:
                was_known = bool(self.degraded)
                self.degraded = "the disk is full"
                self._drop_ballast()
                if not was_known:
                    self._report("the disk is full: nothing new starts until there is space")
                time.sleep(FULL_DISK_PAUSE_S)
            except apsw.Error as error:
                # after a failed sync nothing may be acknowledged any more: stop at once
                print(f"journal: {type(error).__name__}: {error}", file=sys.stderr, flush=True)  # noqa: T201
                os._exit(EXIT_STORAGE)

    def _commit(self, statements: Statements) -> None:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            if connection.execute(queries()["epoch"]).get != self.epoch:
                raise apsw.Error("a newer engine has taken over this home")
            for statement, bound in statements:
                connection.execute(statement, bound)
            connection.execute("COMMIT")
        except BaseException:
            if not connection.getautocommit():
                connection.execute("ROLLBACK")
            raise

    def _checkpoint(self) -> None:
        """Move the write-ahead log into the database between groups, not inside a commit."""
        if self._wal_pages < CHECKPOINT_PAGES or not self._groups.empty():
            return
        with contextlib.suppress(apsw.Error):  # the next group tries; a real fault shows there
            self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
            self._wal_pages = 0

    def _note_wal(self, connection: apsw.Connection, name: str, pages: int) -> int:
        """How long the write-ahead log is: it begins anew by itself once all of it was moved."""
        self._wal_pages = pages
        return apsw.SQLITE_OK

    def _keep_ballast(self) -> None:
        """Hold some space back, so that endings can be recorded on a full disk."""
        if self._ballast is None or self._ballast.exists():
            return
        try:
            self._ballast.write_bytes(b"\0" * BALLAST_BYTES)
        except OSError:
            self._drop_ballast()

    def _drop_ballast(self) -> None:
        if self._ballast is not None:
            self._ballast.unlink(missing_ok=True)

    @property
    def short_of_space(self) -> str:
        """Why nothing new may start: what runs already needs the rest of the disk. Or nothing."""
        if self.degraded:
            return self.degraded
        now_s = time.monotonic()
        if now_s >= self._space_looked_at_s + SPACE_LOOK_S:  # a crowd of starts asks once
            status = os.statvfs(self.path.parent)
            self._free_bytes = status.f_bavail * status.f_frsize
            self._space_looked_at_s = now_s
        if self._free_bytes >= RESERVED_BYTES:
            return ""
        return f"only {self._free_bytes >> 10} KiB of space are left for {self.path.parent}"

    def close(self) -> None:
        """Commit what is left, fold the write-ahead log, close."""
        if self._thread.is_alive():
            statements = self._encode(self._batch)
            self._batch = Batch()
            self._groups.put((statements, self._after))
            self._groups.put(None)
            self._thread.join()
        with contextlib.suppress(apsw.Error):  # a reader is busy: the next start folds it
            self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        self._connection.close()

    def reader(self) -> apsw.Connection:
        """A new connection that only reads."""
        return open_reader(self.path)


def _bound(row: list[Any]) -> tuple[Any, ...]:
    """A row as SQLite takes it: what is nested as JSON, and no half characters."""
    return tuple(
        [
            value
            if type(value) in PLAIN or (type(value) is str and value.isascii())
            else encode(value).decode()
            if isinstance(value, dict | list)
            else whole(value)
            for value in row
        ]
    )


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
