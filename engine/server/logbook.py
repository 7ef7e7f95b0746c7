"""Logs as the API gives them: files by `engine.logs`, the names of attempts by the journal.

A reader belongs to one execution and is used by one question at a time, on a thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import difflib
import os
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from engine.core.state import Execution
from engine.errors import UnknownReference, UsageError
from engine.logs.adopt import adopt_unindexed
from engine.logs.lines import Cursor, Filter, Line
from engine.logs.reader import LogReader
from engine.logs.tail import Tail
from engine.model import Event
from engine.paths import Home
from engine.service import Service
from engine.stepnames import named

if TYPE_CHECKING:
    from starlette.datastructures import QueryParams

OPEN_LOGS = 16
NAMED_STEPS = 8
COUNT_S = 0.3  # how long one question may look through a log for its levels
SLICE_S = 0.004  # of that at once: whoever opens the log waits for no more
PAGE_BUDGET_BYTES = 64 << 20
FIRST_BUDGET_BYTES = 4 << 20  # a rare line is looked for page by page: nobody waits for it
T = TypeVar("T")


class OpenLog:
    """The log of one execution, shared by all who look at it."""

    def __init__(self, ord_: int, directory: str, names: dict[int, tuple[str, int]]) -> None:
        self.ord = ord_
        self.names = names
        self.reader = LogReader(directory, names)
        self._lock = asyncio.Lock()

    async def ask(self, question: Callable[[LogReader], T]) -> T:
        """The answer of a question that reads files."""
        async with self._lock:
            return await asyncio.to_thread(question, self.reader)

    def to_wire(self, lines: list[Line]) -> list[Any]:
        return [self.reader.to_wire(line) for line in lines]


class LogBook:
    """The logs of all executions; those looked at last are kept open."""

    def __init__(self, home: Home, service: Service) -> None:
        self._folder = home.text("logs")
        self._service = service
        self._open: OrderedDict[str, OpenLog] = OrderedDict()
        self._closing: set[asyncio.Task[None]] = set()
        service.scheduler.observers.append(self._note_attempts)

    def _note_attempts(self, execution: Execution, events: list[Event]) -> None:
        """Learn the names of attempts that start while somebody looks."""
        log = self._open.get(execution.id)
        if log is None:
            return
        for event in events:
            if event.type == "attempt.starting":
                log.names[event.data["number"]] = (event.data["step"], event.data["try_number"])

    async def open(self, ord_: int, execution_id: str) -> OpenLog:
        """The log of an execution; there may be nothing in it yet."""
        log = self._open.get(execution_id)
        if log is None:
            names = await self._service.reader(lambda history: history.attempts(ord_))
            log = self._open.setdefault(
                execution_id, OpenLog(ord_, f"{self._folder}/{execution_id}", names)
            )
            while len(self._open) > OPEN_LOGS:
                _, old = self._open.popitem(last=False)
                await old.ask(lambda reader: reader.close())
        self._open.move_to_end(execution_id)
        return log

    def key_of(self, execution_id: str) -> int | None:
        """The key of an execution whose log is open: nobody has to look it up again."""
        log = self._open.get(execution_id)
        return log.ord if log is not None else None

    def forget(self, ids: list[str]) -> None:
        """The files of these are removed: hold them open no longer."""
        for log in filter(None, (self._open.pop(id_, None) for id_ in ids)):
            task = asyncio.get_running_loop().create_task(log.ask(lambda reader: reader.close()))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def add_warnings(
        self, ord_: int, execution: dict[str, Any], within_s: float = COUNT_S
    ) -> None:
        """Put the number of warning lines on an execution and its steps, where it is known.

        Counting takes this time at most, and others may ask the log in between.
        """
        is_over = execution["id"] not in self._service.scheduler.live
        steps = execution.get("steps", ())
        if is_over and not any(step.get("log_bytes", 1) for step in steps):
            for counted in (execution, *steps):
                counted["warnings"] = 0
            return
        log = await self.open(ord_, execution["id"])

        def count(reader: LogReader) -> dict[str, int] | None:
            if not reader.levels.count(ended=is_over, within_s=SLICE_S):
                return None
            found: dict[str, int] = {}
            for number, (path, _) in list(log.names.items()):
                found[path] = found.get(path, 0) + reader.levels.of_attempt(number).warning
            return found

        began_s = time.monotonic()
        while (warnings := await log.ask(count)) is None:
            if time.monotonic() - began_s >= within_s:
                return
        execution["warnings"] = sum(warnings.values())
        for step in execution.get("steps", ()):
            step["warnings"] = warnings.get(step["path"], 0)

    async def wanted(self, ord_: int, execution_id: str, query: QueryParams) -> Filter:
        """What a request wants of a log. Raises UsageError, UnknownReference for a wrong step."""
        wanted = query_filter(query)
        if wanted.steps:
            paths = await self._paths_of(ord_, execution_id, wanted.steps)
            return replace(wanted, steps=paths)
        return wanted

    async def _paths_of(
        self, ord_: int, execution_id: str, steps: tuple[str, ...]
    ) -> tuple[str, ...]:
        """The paths of steps, named by them or by their ids. Raises UnknownReference."""
        live = self._service.scheduler.live.get(execution_id)
        if live is not None:
            paths = list(live.steps)
        else:
            found = await self._service.reader(lambda history: history.execution(ord_))
            paths = [step["path"] for step in found["steps"]]
        steps = tuple(named(step, paths) for step in steps)
        for step in steps:
            if not any(path == step or path.startswith(f"{step}/") for path in paths):
                near = difflib.get_close_matches(step, paths[:1000], 1)
                more = ", …" if len(paths) > NAMED_STEPS else ""
                hint = f"one of {', '.join(paths[:NAMED_STEPS])}{more}"
                raise UnknownReference(
                    f"there is no step {step!r} in it",
                    f"did you mean {near[0]}?" if near else hint,
                )
        return steps

    async def losses(self, ord_: int, execution_id: str, wanted: Filter) -> str:
        """A line for each attempt whose index has lost its end, as by a power cut.

        One for all of them where retention has removed the log.

        Bytes that are on the disk still get their place in the index again; blocks that the index
        tells of and the disk has lost have a line of their own where they were.
        """
        if execution_id in self._service.scheduler.live:
            return ""
        logged = await self._service.reader(lambda history: history.logged(ord_))
        if not await asyncio.to_thread(os.path.isdir, f"{self._folder}/{execution_id}"):
            kept_bytes = sum(size_bytes for _, path, size_bytes, _ in logged
                             if size_bytes and wanted.takes_step(path))  # fmt: skip
            return f"[{kept_bytes:,} bytes of log were removed]\n" if kept_bytes else ""
        log = await self.open(ord_, execution_id)

        def look(reader: LogReader) -> list[tuple[str, int]]:
            if reader.index.count >= sum(records or 0 for *_, records in logged):
                return []
            adopt_unindexed(f"{self._folder}/{execution_id}")
            told = reader.indexed_bytes()
            return [
                (path, size_bytes - told.get(number, 0))
                for number, path, size_bytes, _ in logged
                if wanted.takes_step(path)
            ]

        found = await log.ask(look)
        return "".join(
            f"[{path}: the last {lost:,} bytes were lost]\n" for path, lost in found if lost > 0
        )

    def tail(
        self, ord_: int, execution_id: str, wanted: Filter, before: Cursor | None
    ) -> WindowTail:
        """What a log window shows."""
        return WindowTail(self, ord_, execution_id, wanted, before)


def filter_of(words: Mapping[str, Any]) -> Filter:
    """A filter of lines from a request: step (one, or a list), attempt, level, grep, stream.

    Raises UsageError.
    """
    for name in ("level", "grep", "stream"):
        if words.get(name) is not None and not isinstance(words[name], str):
            raise UsageError(f"{name} is a text")
    step = words.get("step")
    steps = [step] if isinstance(step, str) else step or []
    if not isinstance(steps, list) or not all(isinstance(path, str) for path in steps):
        raise UsageError("step is the path of a step or a group, or a list of such")
    return Filter.make(
        step=steps,
        attempts=_attempts(words.get("attempt")),
        level=words.get("level"),
        grep=words.get("grep"),
        stream=words.get("stream"),
    )


def query_filter(query: QueryParams) -> Filter:
    """The same from the query of a request, where `step` may stand several times."""
    return filter_of({**query, "step": query.getlist("step")})


def _attempts(number: Any) -> frozenset[int] | None:
    if number is None:
        return None
    if not str(number).isdecimal() or len(str(number)) > 9:
        raise UsageError(f"{number!r} is no number of an attempt", "a whole number from 1")
    return frozenset({int(number)})


def parse_cursor(text: str | None) -> Cursor | None:
    """A cursor from a request. Raises UsageError."""
    if text is None:
        return None
    try:
        return Cursor.parse(text)
    except (ValueError, AttributeError, TypeError):
        raise UsageError(f"{text!r} is no cursor", "such as 12:0, from an earlier answer") from None


class WindowTail:
    """The lines of one log window: first the tail or a page, then what is appended."""

    def __init__(
        self, book: LogBook, ord_: int, execution_id: str, wanted: Filter, before: Cursor | None
    ) -> None:
        self._book = book
        self._ord = ord_
        self._id = execution_id
        self._wanted = wanted
        self._before = before
        self._tail: Tail | None = None

    async def first(self, limit: int) -> tuple[list[Any], Cursor | None]:
        """The lines to begin with, and before which place to ask for earlier ones."""
        log = await self._book.open(self._ord, self._id)

        def look(reader: LogReader) -> Any:
            if self._before is not None:
                return reader.page_back(
                    self._wanted, limit, self._before, budget_bytes=PAGE_BUDGET_BYTES
                )
            self._tail = reader.follow(self._wanted, limit)
            return self._tail.snapshot(FIRST_BUDGET_BYTES)

        page = await log.ask(look)
        return log.to_wire(page.lines), page.before

    async def more(self, limit: int) -> tuple[list[Any], int]:
        """Lines that have come since, and how many were left out before them."""
        tail = self._tail
        if tail is None:
            return [], 0
        log = await self._book.open(self._ord, self._id)
        growth = await log.ask(lambda reader: tail.advance(max(1, limit)))
        return log.to_wire(growth.lines), growth.skipped


@contextlib.asynccontextmanager
async def growth_of(context: Any, execution_id: str) -> AsyncIterator[asyncio.Event]:
    """An event that is set whenever an execution's log has grown, or the execution has changed."""
    grown = asyncio.Event()

    def grew(executions: list[str]) -> None:
        if execution_id in executions:
            grown.set()

    def changed(execution: Execution, events: list[Event]) -> None:
        if execution.id == execution_id:
            grown.set()

    scheduler = context.service.scheduler
    scheduler.observers.append(changed)
    context.growth_observers.append(grew)
    context.watch(execution_id)
    try:
        yield grown
    finally:
        scheduler.observers.remove(changed)
        context.growth_observers.remove(grew)
        context.unwatch(execution_id)
