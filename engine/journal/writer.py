"""Puts groups of statements into the database, each as one synced transaction.

Called by `Journal`, one group at a time. A small group is committed at once, on the caller's
thread: handing it over costs more than it saves. A large one, or one that would have to wait, goes
to a thread of its own, which waits for space on a full disk (`degraded` tells); any other fault
ends the process.
"""

from __future__ import annotations

import contextlib
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import apsw

from engine.journal.database import BUSY_TIMEOUT_MS, open_writer, queries

CHECKPOINT_PAGES = 1024  # 4 MiB of write-ahead log
FULL_DISK_PAUSE_S = 0.5
EXIT_STORAGE = 74
BALLAST_BYTES = 1 << 20
SPACE_LOOK_S = 0.02
RESERVED_BYTES = 4 << 20  # kept for the ends of what runs
SMALL_VALUES = 1500  # about a millisecond of work
SLOW_S = 0.005  # a disk that takes longer than this for a sync must not hold up the caller
SLOW_PAUSE_S = 1.0

Statements = list[tuple[str, Sequence[Any]]]  # SQL, what is bound to it
Done = Callable[[], None]


class Writer:
    """The one connection that writes, and its thread."""

    def __init__(self, path: Path, ballast: Path | None, report: Callable[[str], None]) -> None:
        self.path = path
        self.connection = open_writer(path)
        self.degraded = ""
        self._report = report
        self._ballast = ballast
        self._keep_ballast()
        with self.connection:
            self.epoch: int = self.connection.execute(queries()["raise_epoch"]).get
        self._wal_pages = 0
        self.connection.set_wal_hook(self._note_wal)
        self._in_use = threading.Lock()  # of the connection, by either thread
        self._patient_until_s = 0.0  # the disk is slow: no commit on the caller's thread
        self._free_bytes = 0
        self._space_looked_at_s = -SPACE_LOOK_S
        self._groups: queue.SimpleQueue[tuple[Statements, Done] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="journal", daemon=True)

    def start(self) -> None:
        """Begin to commit."""
        self._thread.start()

    def commit_now(self, statements: Statements) -> bool:
        """Commit a small group here and now; False where it is better handed over."""
        if sum(len(values) for _, values in statements) > SMALL_VALUES:
            return False
        began_s = time.monotonic()
        if began_s < self._patient_until_s or not self._in_use.acquire(blocking=False):
            return False
        try:
            self.connection.set_busy_timeout(0)  # whoever else has it locked is waited for there
            self._commit(statements)
        except (apsw.FullError, apsw.BusyError):
            return False
        except Exception as error:
            _end_process(error)
        finally:
            self.connection.set_busy_timeout(BUSY_TIMEOUT_MS)
            self._in_use.release()
        ended_s = time.monotonic()
        if ended_s - began_s > SLOW_S:
            self._patient_until_s = ended_s + SLOW_PAUSE_S
        if self._wal_pages >= CHECKPOINT_PAGES:
            self._groups.put(([], _nothing))
        return True

    def hand_over(self, statements: Statements, done: Done) -> None:
        """Have a group committed by the thread, which then calls `done`."""
        self._groups.put((statements, done))

    def close(self) -> None:
        """Wait for what was handed over, fold the write-ahead log, close."""
        if self._thread.is_alive():
            self._groups.put(None)
            self._thread.join()
        with contextlib.suppress(apsw.Error):  # a reader is busy: the next start folds it
            self.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        self.connection.close()

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

    # -- on the thread ---------------------------------------------------------------------

    def _write(self) -> None:
        while (group := self._groups.get()) is not None:
            statements, done = group
            with self._in_use:
                if statements:
                    self._commit_patiently(statements)
                try:
                    done()
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
            except Exception as error:
                _end_process(error)

    def _commit(self, statements: Statements) -> None:
        connection = self.connection
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
            self.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
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


def _nothing() -> None:
    """A group that is there for the checkpoint after it."""


def _end_process(error: Exception) -> NoReturn:
    """After a failed sync, or with a group lost, nothing may be acknowledged: stop at once."""
    print(f"journal: {type(error).__name__}: {error}", file=sys.stderr, flush=True)  # noqa: T201
    os._exit(EXIT_STORAGE)
