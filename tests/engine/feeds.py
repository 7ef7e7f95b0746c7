"""A client of the window feed that keeps what it is told, and checks what the protocol promises."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from websockets.asyncio.client import ClientConnection, unix_connect

from engine.paths import Home

PATIENCE_S = 60.0


class View:
    """What one window shows, as its frames have made it."""

    def __init__(self) -> None:
        self.version = 0
        self.rows: dict[str, Any] = {}  # executions by id, or steps by path, or lines by cursor
        self.rest: dict[str, Any] = {}
        self.errors: list[dict[str, Any]] = []

    def take(self, frame: dict[str, Any]) -> None:
        kind = frame["kind"]
        if kind == "error":
            self.errors.append(frame["error"])
            return
        if kind == "snapshot":
            assert frame["version"] == 1
            self.rows.clear()
            self.rest.clear()
        else:
            assert frame["version"] == self.version + 1, "a hole in the versions"
        self.version = frame["version"]
        for key, value in frame.items():
            if key == "rows":
                self.rows.update({row["id"]: row for row in value})
            elif key == "steps":
                self.rows.update({step["path"]: step for step in value})
            elif key == "lines":
                self.rows.update({line["cursor"]: line for line in value})
            elif key not in ("id", "kind", "version"):
                self.rest[key] = value

    def ordered(self) -> list[Any]:
        """The rows of a window of executions, in its order."""
        return [self.rows[id_] for id_ in self.rest["order"]]

    def texts(self) -> list[str]:
        """The lines of a log window, in the log's order."""

        def place(cursor: str) -> tuple[int, ...]:
            return tuple(map(int, cursor.split(":")))

        return [self.rows[cursor]["text"] for cursor in sorted(self.rows, key=place)]


class Feed:
    """One connection and its windows."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.views: dict[Any, View] = {}

    async def open(self, number: int, window: str, **request: Any) -> View:
        self.views[number] = View()
        await self.send({"op": "open", "id": number, "window": window, **request})
        return self.views[number]

    async def send(self, message: Any) -> None:
        await self.connection.send(json.dumps(message))

    async def next(self, timeout_s: float = PATIENCE_S) -> dict[str, Any]:
        frame = json.loads(await asyncio.wait_for(self.connection.recv(), timeout_s))
        self.views.setdefault(frame["id"], View()).take(frame)
        return dict(frame)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Take frames until something holds, which need not follow from a frame."""
        async with asyncio.timeout(PATIENCE_S):
            while not holds():
                with contextlib.suppress(TimeoutError):
                    await self.next(0.2)

    async def settle(self, quiet_s: float = 0.5) -> None:
        """Take frames until none has come for a while."""
        with contextlib.suppress(TimeoutError):
            while True:
                await self.next(quiet_s)


@contextlib.asynccontextmanager
async def feed_of(home: Home) -> AsyncIterator[Feed]:
    async with unix_connect(
        home.text("socket"), "ws://localhost/v1/feed", max_size=None, compression=None
    ) as connection:
        yield Feed(connection)
