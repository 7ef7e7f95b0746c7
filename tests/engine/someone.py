"""Somebody with a token: requests and windows of theirs, and flows that say who may."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from engine.client.http import Client
from engine.errors import WingmanError
from engine.paths import Home
from tests.engine.api import Engine


def token_of(engine: Engine, name: str, role: str, days: float = 1.0) -> str:
    engine.client.request("PUT", f"/v1/users/{name}", {"role": role})
    return str(engine.post("/v1/tokens", {"user": name, "days": days})["token"])


class As:
    """Requests with a token."""

    def __init__(self, home: Home, token: str) -> None:
        self.client = Client(home)
        self.headers = {"Authorization": f"Bearer {token}"}

    def request(self, method: str, path: str, body: Any = None) -> Any:
        return self.client.request(method, path, body, self.headers)

    def refusal(self, method: str, path: str, body: Any = None) -> WingmanError | None:
        """The error that answers, if one does."""
        try:
            list(self.client._send(method, path, body, self.headers, 30.0))
        except WingmanError as error:
            return error
        return None


def write_flow(home: Home, permissions: str, name: str = "guarded") -> None:
    text = f"name: {name}\npermissions: {permissions}\nsteps: [{{id: s, run: 'true'}}]\n"
    (home.flows / f"{name}.yaml").write_text(text)


async def windows(home: Home, someone: As, id_: str) -> list[dict[str, Any]]:
    from websockets.asyncio.client import unix_connect

    asked = [{"window": "executions"}, {"window": "flows"}, {"window": "execution", "ref": id_},
             {"window": "log", "ref": id_}]  # fmt: skip
    frames: dict[int, dict[str, Any]] = {}
    async with unix_connect(
        home.text("socket"), "ws://localhost/v1/feed", additional_headers=someone.headers
    ) as ws:
        for number, window in enumerate(asked):
            await ws.send(json.dumps({"op": "open", "id": number, **window}))
        while len(frames) < len(asked):
            frame = json.loads(await asyncio.wait_for(ws.recv(), 60))
            frames.setdefault(frame["id"], frame)
    return [frames[number] for number in range(len(asked))]
