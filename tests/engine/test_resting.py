"""A connection that nothing was asked on for an hour is closed; one that is used or waited on stays."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from uvicorn.server import ServerState

from engine.server.protocol import KEEP_ALIVE_S, PeerProtocol, make_config

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def test_a_connection_is_closed_when_nothing_was_asked_for_long(tmp_path: Path) -> None:
    asked, answer = asyncio.Event(), asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        asked.set()
        await answer.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    config = make_config(app, PeerProtocol, KEEP_ALIVE_S)
    made: list[PeerProtocol] = []

    def make() -> PeerProtocol:
        made.append(PeerProtocol(config=config, server_state=ServerState(), app_state={}))
        return made[-1]

    server = await asyncio.get_running_loop().create_unix_server(make, str(tmp_path / "s"))
    reader, writer = await asyncio.open_unix_connection(str(tmp_path / "s"))
    answer.set()
    for _ in range(2):
        writer.write(REQUEST)
        assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
    (protocol,) = made
    timer = protocol.timeout_keep_alive_task
    protocol.timeout_keep_alive_handler()
    assert protocol.timeout_keep_alive_task is not timer, "it looks again later"
    asked.clear()
    answer.clear()
    writer.write(REQUEST)
    await asked.wait()
    protocol._rests_since -= KEEP_ALIVE_S
    protocol.timeout_keep_alive_handler()
    answer.set()
    await reader.readuntil(b"ok")
    protocol._rests_since -= KEEP_ALIVE_S
    protocol.timeout_keep_alive_handler()
    assert await reader.read() == b""
    writer.close()
    server.close()
    assert protocol.timeout_keep_alive_task is None or protocol.timeout_keep_alive_task.cancelled()
