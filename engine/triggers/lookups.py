"""Asks the ledger what became of occasions: those that come together share one question."""

from __future__ import annotations

import asyncio

from engine.journal import occasions
from engine.journal.occasions import Fate
from engine.journal.reader import Reader

AT_ONCE = 500


class Lookups:
    """Questions that wait for the one that is being asked, and then go together.

    Nobody waits for a timer: alone, a question is asked at once.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._waiting: list[tuple[tuple[str, str, str], asyncio.Future[Fate | None]]] = []
        self._task: asyncio.Task[None] | None = None

    def find(self, trigger: str, key: str, request_key: str) -> asyncio.Future[Fate | None]:
        """What became of an occasion, as far as it is committed."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Fate | None] = loop.create_future()
        self._waiting.append(((trigger, key, request_key), future))
        if self._task is None:
            self._task = loop.create_task(self._ask())
        return future

    async def _ask(self) -> None:
        try:
            while self._waiting:
                asked, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
                wanted = [each for each, _ in asked]
                try:
                    found = await self._reader(lambda history: occasions.fates(history, wanted))  # noqa: B023
                except Exception as error:
                    for _, future in asked:
                        if not future.done():
                            future.set_exception(error)
                    continue
                for (_, future), fate in zip(asked, found, strict=True):
                    if not future.done():
                        future.set_result(fate)
        finally:
            self._task = None
