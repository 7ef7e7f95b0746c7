"""One connection to one runner generation: frames out in batches, frames in as they come.

A start and the cancel that follows it go out in this order: before, there is nothing to cancel.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from engine.runner.frames import Decoder, dump_json, load_json

if TYPE_CHECKING:
    from engine.executor.local import LocalExecutor

STARTS_PER_FRAME = 64
_encode = msgspec.json.encode
_decode = msgspec.json.decode


def _frame(message: dict[str, Any]) -> bytes:
    try:
        body = _encode(message)
    except UnicodeEncodeError:  # a path or a variable that is no UTF-8: escaped, it arrives whole
        body = dump_json(message).encode("ascii")
    return len(body).to_bytes(4, "big") + body


def _load(data: bytes) -> Any:
    try:
        return _decode(data)
    except msgspec.DecodeError:  # a half character or NaN, which the runner's own words can hold
        return load_json(data)


class Link(asyncio.Protocol):
    """Starts and cancels wait here until the generation has welcomed us; acks are batched."""

    def __init__(self, owner: LocalExecutor, generation: str, path: Path) -> None:
        self.generation = generation
        self.pid: int | None = None
        self.was_welcomed = False
        self._owner = owner
        self._path = path
        self._transport: asyncio.WriteTransport | None = None
        self._decoder = Decoder(_load)
        self._starts: list[dict[str, Any]] = []
        self._cancels: list[dict[str, Any]] = []
        self._acks: list[str] = []
        self._is_welcome = False
        self._flush_scheduled = False
        self._closed: asyncio.Future[None] | None = None

    async def connect(self) -> bool:
        """Whether the generation's socket took our connection."""
        loop = asyncio.get_running_loop()
        self._closed = loop.create_future()
        try:
            await loop.create_unix_connection(lambda: self, str(self._path))
        except OSError:
            return False
        return True

    async def closed(self) -> None:
        """Return when the connection has ended."""
        if self._closed is not None:
            await self._closed

    def forget(self) -> None:
        """The connection is gone: what was sent on it is settled by the next welcome."""
        self._transport = None
        self._is_welcome = False
        self._decoder = Decoder(_load)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._closed is not None and not self._closed.done():
            self._closed.set_result(None)

    def data_received(self, data: bytes) -> None:
        for frame in self._decoder.feed(data):
            if frame["t"] == "welcome":
                self.pid = frame["pid"]
            self._owner.received(self, frame)

    def welcome(self) -> None:
        """The generation knows us: send what has waited."""
        self._is_welcome = self.was_welcomed = True
        self._schedule()

    def send(self, message: dict[str, Any]) -> None:
        """Send a frame now; without a connection it is dropped, the next welcome settles it."""
        if self._transport is not None:
            self._transport.write(_frame(message))

    def queue_start(self, spec: dict[str, Any]) -> None:
        self._starts.append(spec)

    def queue_cancel(self, message: dict[str, Any]) -> None:
        self._cancels.append(message)
        self._schedule()

    def queued_attempts(self) -> set[str]:
        """Attempts that have not been sent on any connection yet."""
        return {spec["attempt"] for spec in self._starts}

    def queue_acks(self, attempts: Iterable[str]) -> None:
        self._acks.extend(attempts)

    def _schedule(self) -> None:
        if not self._flush_scheduled and self._is_welcome:
            self._flush_scheduled = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_scheduled = False
        self.flush()

    def flush(self) -> None:
        """Send what waits, if the generation knows us."""
        if self._transport is None or not self._is_welcome:
            return
        frames: list[bytes] = []
        while self._starts:
            part, self._starts = self._starts[:STARTS_PER_FRAME], self._starts[STARTS_PER_FRAME:]
            frames.append(_frame({"t": "start", "attempts": part}))
        frames += map(_frame, self._cancels)
        self._cancels = []
        if self._acks:
            frames.append(_frame({"t": "ack", "attempts": self._acks}))
            self._acks = []
        if frames:
            self._transport.write(b"".join(frames))
