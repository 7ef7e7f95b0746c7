"""Questions to the journal from the event loop: one thread, one reading connection, no blocking."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import apsw
import msgspec

from engine.journal.database import damaged, open_reader
from engine.journal.history import History

T = TypeVar("T")
DAMAGED = (apsw.CorruptError, apsw.NotADBError, msgspec.DecodeError, UnicodeDecodeError)


class Reader:
    """`await reader(question)` runs `question(history)` beside the loop."""

    def __init__(self, path: Path) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="history")
        self._path = path
        self._history: History | None = None

    async def __call__(self, question: Callable[[History], T]) -> T:
        """The answer of a question about what is committed."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._ask, question)

    def _ask(self, question: Callable[[History], T]) -> T:
        if self._history is None:
            self._history = History(open_reader(self._path))
        try:
            return question(self._history)
        except DAMAGED as error:
            raise damaged(error) from error

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
