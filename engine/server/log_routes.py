"""HTTP routes of logs: a stream of text, and pages of lines."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from engine.journal.history import History
from engine.jsontext import encode
from engine.logs.lines import Cursor, Filter, Line, wire_time
from engine.logs.reader import LogReader, Page
from engine.logs.tail import Tail
from engine.narrate import narrate
from engine.server.app import Json
from engine.server.called import log_of
from engine.server.context import Context
from engine.server.logbook import OpenLog, growth_of, parse_cursor
from engine.server.routes import context_of, limit_of, number_of

CHUNK_BYTES = 1 << 20
LINES_LIMIT = 2000
SETTLED_S = 0.5  # a runner holds part of a line for 0.2 s
EVERYTHING_AT_ONCE = 1 << 30
LONGEST_SKIP_BYTES = 1 << 60


async def stream(request: Request) -> Response:
    """The bytes as printed; with a level, a pattern, prefixes or engine lines, line by line.

    With `json` each line is a wire.LogLine.
    """
    context = context_of(request)
    ord_, execution_id, query = await log_of(request, context)
    wanted = await context.logs.wanted(ord_, execution_id, query)
    log = await context.logs.open(ord_, execution_id)
    follows = query.get("follow") == "true"
    losses = await context.logs.losses(ord_, execution_id, wanted)
    as_json = query.get("json") == "true"
    by_line = as_json or "true" in (query.get("prefix"), query.get("engine"))
    after = parse_cursor(query.get("after"))
    if wanted.takes_all and not by_line:
        body = raw_text(context, log, execution_id, wanted, follows, after)
    else:
        tells, names = query.get("engine") == "true", query.get("prefix") == "true"
        teller = Teller(context, ord_, wanted, tells=tells, names=names, as_json=as_json)
        body = line_text(context, log, execution_id, wanted, follows, teller, after)
    if losses and as_json:
        losses = b"".join(_json_line(told, time.time_ns()) for told in losses.splitlines()).decode()
    if losses:
        body = _with_end(body, losses)
    if skip := number_of(request, "skip", 0, LONGEST_SKIP_BYTES):
        body = _behind(body, skip)
    media_type = "application/jsonl" if as_json else "text/plain; charset=utf-8"
    return StreamingResponse(body, media_type=media_type)


def _json_line(text: str, time_ns: int, level: str = "warning", step: str = "") -> bytes:
    """A line of the engine's own as a wire.LogLine."""
    line = {
        "cursor": "", "time": wire_time(time_ns), "step": step, "attempt": 0, "stream": "engine",
        "level": level, "text": text,
    }  # fmt: skip
    return encode(line) + b"\n"


async def _with_end(body: AsyncIterator[bytes], end: str) -> AsyncIterator[bytes]:
    last = b"\n"
    async for part in body:
        last = part or last
        yield part
    yield (b"" if last.endswith(b"\n") else b"\n") + end.encode()


async def _behind(body: AsyncIterator[bytes], skip_bytes: int) -> AsyncIterator[bytes]:
    """What follows the first bytes, which whoever asks again has got already."""
    async for part in body:
        if skip_bytes < len(part):
            yield part[skip_bytes:]
        skip_bytes = max(0, skip_bytes - len(part))


async def raw_text(
    context: Context, log: OpenLog, execution_id: str, wanted: Filter, follows: bool,
    after: Cursor | None = None,
) -> AsyncIterator[bytes]:  # fmt: skip
    """Blocks in the index's order, read in slices on a thread; `after` that of a line."""
    position = after.record + 1 if after else 0
    async with growth_of(context, execution_id) as grown:
        while True:
            grown.clear()
            is_over = execution_id not in context.service.scheduler.live
            stop = await log.ask(lambda reader: reader.index.count)
            blocks = log.reader.raw(wanted, position, stop)
            while chunk := await log.ask(partial(_take, blocks)):
                yield chunk
            position = stop
            if is_over or not follows:
                return
            await grown.wait()


def _take(blocks: Iterator[bytes], reader: LogReader) -> bytes:
    """About a chunk's worth of blocks; empty at their end."""
    parts, size_bytes = [], 0
    for block in blocks:
        parts.append(block)
        size_bytes += len(block)
        if size_bytes >= CHUNK_BYTES:
            break
    return b"".join(parts)


async def line_text(
    context: Context, log: OpenLog, execution_id: str, wanted: Filter, follows: bool,
    teller: Teller, after: Cursor | None = None,
) -> AsyncIterator[bytes]:  # fmt: skip
    """Whole lines that fit, from a cursor on, the engine's own between them."""
    tail = log.reader.follow(wanted, EVERYTHING_AT_ONCE, whole_lines=True)
    async with growth_of(context, execution_id) as grown:
        await teller.look(await log.ask(partial(_moment_of, after)))
        over = _attempts_over(context, execution_id)
        stop = await log.ask(lambda reader: tail.begin_at_end())
        await log.ask(partial(_ended_lines, tail, over))  # they are among the pages
        async for page in pages(log, wanted, stop, after):
            yield teller.text(log, [line for line in page if not (follows and line.open)
                                    or over(line.attempt)])  # fmt: skip
        while follows:
            grown.clear()
            is_over = execution_id not in context.service.scheduler.live
            over = _attempts_over(context, execution_id)
            await teller.look()
            lines = (await log.ask(lambda reader: tail.advance())).lines
            lines = sorted(lines + await log.ask(partial(_ended_lines, tail, over)))
            yield teller.text(log, [line for line in lines if not after or line.cursor > after])
            if is_over:
                break
            yield teller.settled()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(grown.wait(), teller.patience_s)
    yield teller.rest()


def _attempts_over(context: Context, execution_id: str) -> Callable[[int], bool]:
    """Which attempts have ended by now: all that they printed is in the log."""
    live = context.service.scheduler.live.get(execution_id)
    under_way = frozenset(live.by_number) if live is not None else frozenset()
    return lambda attempt: attempt not in under_way


def _ended_lines(tail: Tail, over: Callable[[int], bool], reader: LogReader) -> list[Line]:
    return tail.finish(over)


def _moment_of(after: Cursor | None, reader: LogReader) -> int:
    """When the block of a line was written; 0 where there is none."""
    record = reader.index.get(after.record) if after is not None else None
    return record.time_ns if record is not None else 0


async def pages(
    log: OpenLog, wanted: Filter, stop: int, after: Cursor | None = None
) -> AsyncIterator[list[Line]]:
    """The wanted lines of the first `stop` records, some at a time."""
    while True:
        page = await log.ask(partial(_page, wanted, after))
        yield [line for line in page.lines if line.cursor.record < stop]
        after = page.after
        if len(page.lines) < LINES_LIMIT or after is None or after.record >= stop:
            return


def _page(wanted: Filter, after: Cursor | None, reader: LogReader) -> Page:
    return reader.page_forward(wanted, LINES_LIMIT, after)


class Teller:
    """Puts lines into text: the step's name before them, the engine's lines between them."""

    def __init__(
        self, context: Context, ord_: int, wanted: Filter, *, tells: bool, names: bool,
        as_json: bool = False,
    ) -> None:  # fmt: skip
        self._context = context
        self._as_json = as_json
        self._ord = ord_
        self._tells = tells
        self._names = names
        self._wanted = wanted
        self._seen = 0
        self._events: list[tuple[int, bytes]] = []

    async def look(self, after_ns: int = 0) -> None:
        """Take in what the engine has to say since the last look.

        After a moment: from the first retry since then on, for that is what goes on behind it.
        """
        if not self._tells:
            return

        def ask(history: History) -> list[tuple[int, int, str, dict[str, Any]]]:
            return [event for event in history.events(self._ord) if event[0] > self._seen]

        events = await self._context.service.reader(ask)
        if after_ns:
            events = [event for event in events if event[1] * 1000 > after_ns]
            retried = (n for n, event in enumerate(events) if event[2] == "execution.retried")
            events = events[next(retried, 0) :]
        for seq, at_us, type_, data in events:
            self._seen = seq
            told = narrate(type_, data)
            if told and self._concerns(data):
                at_ns, (level, text) = at_us * 1000, told
                line = f"[engine] {text}\n".encode()
                if self._as_json:
                    line = _json_line(text, at_ns, level, data.get("step") or "")
                self._events.append((at_ns, line))

    def _concerns(self, data: dict[str, Any]) -> bool:
        step = data.get("step")
        return step is None or self._wanted.takes_step(step)

    def text(self, log: OpenLog, lines: list[Line]) -> bytes:
        """Lines as bytes, each with its newline."""
        parts: list[bytes] = []
        for line in lines:
            while self._events and self._events[0][0] <= line.time_ns:
                parts.append(self._events.pop(0)[1])
            if self._as_json:
                parts.append(encode(log.reader.to_wire(line)) + b"\n")
                continue
            prefix = f"{log.reader.name_of(line.attempt)[0]} | ".encode() if self._names else b""
            parts.append(prefix + bytes(line.data) + b"\n")
        return b"".join(parts)

    @property
    def patience_s(self) -> float | None:
        """How long to wait for lines that may come before what the engine has said; for ever
        where it has said nothing."""
        return SETTLED_S if self._events else None

    def settled(self) -> bytes:
        """What the engine said so long ago that no line from before it can come any more."""
        parts = []
        until_ns = time.time_ns() - int(SETTLED_S * 1e9)
        while self._events and self._events[0][0] <= until_ns:
            parts.append(self._events.pop(0)[1])
        return b"".join(parts)

    def rest(self) -> bytes:
        """What the engine said after the last line."""
        rest, self._events = self._events, []
        return b"".join(line for _, line in rest)


async def lines(request: Request) -> Response:
    """A page of lines: before a cursor (or the end), or after one."""
    context = context_of(request)
    ord_, execution_id, query = await log_of(request, context)
    wanted = await context.logs.wanted(ord_, execution_id, query)
    limit = limit_of(request, 200, LINES_LIMIT)
    before, after = parse_cursor(query.get("before")), parse_cursor(query.get("after"))
    log = await context.logs.open(ord_, execution_id)

    def look(reader: LogReader) -> Any:
        if after is not None:
            return reader.page_forward(wanted, limit, after, budget_bytes=CHUNK_BYTES * 64)
        return reader.page_back(wanted, limit, before, budget_bytes=CHUNK_BYTES * 64)

    page = await log.ask(look)
    return Json(
        {
            "lines": log.to_wire(page.lines),
            "before": str(page.before) if page.before else None,
            "after": str(page.after) if page.after else None,
            "more": len(page.lines) >= limit or not page.done,
        }
    )
