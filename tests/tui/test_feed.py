"""The feed keeps windows open: across lost connections, missing versions and refusals."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from websockets.asyncio.server import ServerConnection, unix_serve

from engine.client.feed import Feed

WAIT_S = 20.0


class Server:
    """A feed that a test speaks for."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.asked: list[dict[str, Any]] = []
        self.connections: list[ServerConnection] = []
        self.first_answer: dict[str, Any] | None = None

    async def handle(self, connection: ServerConnection) -> None:
        self.connections.append(connection)
        async for text in connection:
            message = json.loads(text)
            self.asked.append(message)
            if message["op"] != "close":
                await self.send(connection, id=message["id"], kind="snapshot", version=1)

    async def send(self, connection: ServerConnection, **frame: Any) -> None:
        await connection.send(json.dumps(frame))


@asynccontextmanager
async def served(path: Path) -> AsyncIterator[Server]:
    server = Server(path)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    async with unix_serve(server.handle, str(path)):
        yield server


@asynccontextmanager
async def running(path: Path) -> AsyncIterator[tuple[Feed, list[bool]]]:
    told: list[bool] = []
    feed = Feed(str(path), lambda live, why: told.append(live))
    task = asyncio.create_task(feed.run())
    yield feed, told
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not condition():  # noqa: ASYNC110 - any condition of any test
            await asyncio.sleep(0.01)


async def test_a_window_opened_before_the_engine_is_there_is_served(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    frames: list[dict[str, Any]] = []
    async with running(path) as (feed, told):
        feed.open({"window": "flows"}, frames.append)
        await until(lambda: told)
        assert told == [False]
        async with served(path) as server:
            await until(lambda: frames)
            assert server.asked == [{"op": "open", "id": 1, "window": "flows"}]
            assert feed.is_live


async def test_open_windows_are_asked_for_again_as_they_were_moved(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    frames: list[dict[str, Any]] = []
    async with running(path) as (feed, _):
        async with served(path) as server:
            first = feed.open({"window": "executions", "offset": 0}, frames.append)
            second = feed.open({"window": "flows"}, frames.append)
            await until(lambda: len(frames) == 2)
            feed.move(first, offset=60)
            feed.close(second)
            await until(lambda: len(server.asked) == 4)
        await until(lambda: not feed.is_live)
        async with served(path) as server:
            await until(lambda: server.asked)
            assert server.asked == [
                {"op": "open", "id": first, "window": "executions", "offset": 60}
            ]


async def test_a_missing_version_is_healed_by_a_snapshot(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    frames: list[dict[str, Any]] = []
    async with running(path) as (feed, _), served(path) as server:
        id_ = feed.open({"window": "flows"}, frames.append)
        await until(lambda: frames)
        connection = server.connections[0]
        await server.send(connection, id=id_, kind="update", version=2, n=2)
        await server.send(connection, id=id_, kind="update", version=4, n=4)
        await server.send(connection, id=id_, kind="update", version=5, n=5)
        await until(lambda: len(server.asked) == 2)
        await until(lambda: len(frames) == 3)
        assert [frame["kind"] for frame in frames] == ["snapshot", "update", "snapshot"]
        assert [frame.get("n") for frame in frames] == [None, 2, None]
        await server.send(connection, id=id_, kind="update", version=2, n=7)
        await until(lambda: len(frames) == 4)


async def test_frames_of_a_closed_window_are_dropped(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    frames: list[dict[str, Any]] = []
    async with running(path) as (feed, _), served(path) as server:
        id_ = feed.open({"window": "flows"}, frames.append)
        await until(lambda: frames)
        feed.close(id_)
        await until(lambda: len(server.asked) == 2)
        connection = server.connections[0]
        await server.send(connection, id=id_, kind="update", version=2)
        await server.send(connection, id=99, kind="update", version=2)
        other = feed.open({"window": "flows"}, frames.append)
        await until(lambda: len(frames) == 2)
        assert frames[-1]["id"] == other


async def test_an_engine_that_hangs_up_at_once_is_not_hammered(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    count = 0

    async def refuse(connection: ServerConnection) -> None:
        nonlocal count
        count += 1
        await connection.close()

    async with unix_serve(refuse, str(path)), running(path):
        await asyncio.sleep(1.5)
    assert 1 <= count <= 6
