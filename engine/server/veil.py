"""What an answer may not tell: the names of flows that its caller may not see, wherever they stand.

Holders of a pool, callers, reasons: each is "another flow" for whom it is hidden. Put around an
answer by the gate, for callers from whom something is hidden; others pay nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec
from starlette.types import Message, Send

from engine.jsontext import encode

OTHER = "another flow"
# a step's path goes with the flow's name; what follows it in a sentence does not
NUMBER = r"#[0-9]+(?: (?!and |is |\()[^\s,;]+)?"
Row = dict[str, Any]


class Veil:
    """Takes the names of some flows out of JSON values."""

    def __init__(self, hidden: Iterable[str]) -> None:
        self._hidden = frozenset(hidden)
        names = "|".join(re.escape(name) for name in sorted(self._hidden, key=len, reverse=True))
        self._named = re.compile(rf"(?<![\w.-])(?:{names}){NUMBER}")

    def __call__(self, value: Any) -> Any:
        """The value as the caller may see it."""
        if isinstance(value, str):
            return self._named.sub(OTHER, value) if "#" in value else value
        if isinstance(value, list):
            return [self(item) for item in value]
        if isinstance(value, dict):
            return self._row(value)
        return value

    def _row(self, row: Row) -> Row:
        shown = {key: self(value) for key, value in row.items()}
        if isinstance(row.get("chain"), list):
            shown["chain"] = [OTHER if each in self._hidden else each for each in row["chain"]]
        flow = row.get("flow")
        if isinstance(flow, str) and flow in self._hidden:
            shown |= {key: blank for key, blank in BLANK.items() if key in row}
        return shown


BLANK: Row = {"flow": OTHER, "execution": "", "id": "", "number": 0, "step": "", "above": []}


class VeiledSend:
    """Sends JSON, as an answer or as frames of a WebSocket, through a veil."""

    def __init__(self, send: Send, hidden: Iterable[str]) -> None:
        self._send = send
        self._veil = Veil(hidden)
        self._start: Message | None = None
        self._body = b""

    async def __call__(self, message: Message) -> None:
        kind = message["type"]
        if kind == "http.response.start" and _is_json(message):
            self._start = message
        elif kind == "http.response.body" and self._start is not None:
            await self._gather(message)
        elif kind == "websocket.send" and message.get("text"):
            await self._send({**message, "text": self._veiled(message["text"].encode()).decode()})
        else:
            await self._send(message)

    async def _gather(self, message: Message) -> None:
        self._body += message.get("body", b"")
        if message.get("more_body") or self._start is None:
            return
        body, start, self._start = self._veiled(self._body), self._start, None
        headers = [pair for pair in start["headers"] if pair[0].lower() != b"content-length"]
        headers.append((b"content-length", str(len(body)).encode()))
        await self._send({**start, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})

    def _veiled(self, body: bytes) -> bytes:
        return encode(self._veil(msgspec.json.decode(body))) if body else body


def _is_json(message: Message) -> bool:
    return any(
        name.lower() == b"content-type" and value.startswith(b"application/json")
        for name, value in message.get("headers", ())
    )
