"""One request that is asked twice is done once: the same key gives the same execution.

Kept in the journal with the execution, so that it holds over the engine's death. For the service.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from engine.journal.history import History
from engine.journal.reader import Reader
from engine.request import other_request
from engine.sensitive import Sensitive

Answer = dict[str, Any]
Make = Callable[[], Awaitable[Answer]]


class Once:
    """The executions that requests with a key have made."""

    def __init__(self, reader: Reader, sensitive: Sensitive) -> None:
        self._reader = reader
        self._sensitive = sensitive
        self._pending: dict[str, tuple[asyncio.Future[Answer], str]] = {}

    async def make(self, key: str | None, digest: str, make: Make) -> Answer:
        """The execution that the key has made already, else what `make` makes."""
        if key is None:
            return await make()
        pending, of = self._pending.get(key, (None, digest))
        if pending is None:
            pending = asyncio.ensure_future(self._find_or_make(key, digest, make))
            self._pending[key] = (pending, digest)
            pending.add_done_callback(lambda _: self._pending.pop(key, None))
        elif of != digest:
            raise other_request(key)
        return await asyncio.shield(pending)

    async def _find_or_make(self, key: str, digest: str, make: Make) -> Answer:
        def look(history: History) -> tuple[Answer, Any] | None:
            ord_ = history.by_request_key(key)
            if ord_ is None:
                return None
            return history.rows([ord_])[0], history.first_event(ord_).get("request_digest")

        made = await self._reader(look)
        if made is None:
            return await make()
        row, sealed = made
        if self._sensitive.open_digest(sealed, row["id"]) not in (None, digest):
            raise other_request(key)
        return {name: row[name] for name in ("id", "flow", "number", "state")}
