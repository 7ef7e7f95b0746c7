"""How many warnings an execution's log has, counted in the background for who looks at a list.

The windows ask; what is not known yet is counted one execution after the other, and whoever looks
is told. A log counts its lines once and keeps the result beside itself.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from engine.errors import WingmanError
from engine.server.logbook import LogBook
from engine.service import Service

KEPT = 50_000  # results held
WAITING_LIMIT = 5_000
ROUND_S = 0.1  # then it rests
ROUNDS = 600  # what takes longer stays uncounted

Key = tuple[str, int]  # an execution and its attempt: a retry prints more


class Warned:
    """What is known, and the one task that finds out more."""

    def __init__(self, logs: LogBook, service: Service) -> None:
        self._logs = logs
        self._service = service
        self._known: OrderedDict[Key, int | None] = OrderedDict()
        self._waiting: OrderedDict[Key, None] = OrderedDict()
        self._task: asyncio.Task[None] | None = None
        self.observers: list[Callable[[], None]] = []

    def of(self, row: dict[str, Any]) -> int | None:
        """The number for an execution that has ended; None while it is not known."""
        key = (str(row["id"]), int(row["attempt"]))
        if key in self._known:
            return self._known[key]
        if row["ended_at"] is not None and len(self._waiting) < WAITING_LIMIT:
            self._waiting.setdefault(key)
            if self._task is None:
                self._task = asyncio.get_running_loop().create_task(self._count_all())
        return None

    def soon(self, row: dict[str, Any]) -> None:
        """Find an execution's number out before all others: somebody looks at it."""
        self.of(row)
        if self.is_waiting(row):
            self._waiting.move_to_end((str(row["id"]), int(row["attempt"])), last=False)

    def is_waiting(self, row: dict[str, Any]) -> bool:
        """Whether the number of an execution is still being found out."""
        return (str(row["id"]), int(row["attempt"])) in self._waiting

    async def _count_all(self) -> None:
        try:
            while self._waiting:
                key = next(iter(self._waiting))
                self._known[key] = await self._count(key[0])
                self._waiting.pop(key, None)
                while len(self._known) > KEPT:
                    self._known.popitem(last=False)
                for tell in list(self.observers):
                    tell()
        finally:
            self._task = None

    async def _count(self, execution_id: str) -> int | None:
        found: dict[str, Any] = {}
        try:
            ord_, _ = await self._service.resolve(execution_id)
            found = await self._service.execution(ord_, execution_id)
            loop = asyncio.get_running_loop()
            for _round in range(ROUNDS):
                began = loop.time()
                await self._logs.add_warnings(ord_, found, ROUND_S)
                if found["warnings"] is not None:
                    break
                await asyncio.sleep(loop.time() - began)  # half of the time is for who looks
        except (WingmanError, OSError):  # gone meanwhile, or unreadable: the log itself says so
            return None
        warnings: int | None = found["warnings"]
        return warnings
