"""What the failed steps of listed executions said last, where their errors tell an exit code alone.

Read when somebody lists them, from the end of their logs: nothing is done when a step ends. What is
known is kept; what could not be read in time is left out of this list.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import OrderedDict
from typing import Any

from engine.errors import WingmanError
from engine.insight.words import said, says_little
from engine.journal.history import History
from engine.logs.lines import Filter
from engine.logs.reader import LogReader
from engine.paths import Home
from engine.service import Service

KEPT = 10_000
READ_LIMIT = 50  # failures of one list
LAST_LINES = 30
BUDGET_BYTES = 256 << 10  # of one log
WITHIN_S = 0.03  # of one list

Row = dict[str, Any]
Key = tuple[str, int]  # an execution and its attempt
Names = dict[int, tuple[str, int]]  # of a step's attempts in the log


class Said:
    """The last words that are known."""

    def __init__(self, home: Home, service: Service) -> None:
        self._folder = home.text("logs")
        self._service = service
        self._known: OrderedDict[Key, str] = OrderedDict()

    async def add_to(self, rows: list[Row]) -> None:
        """Put `said` on the failures that have a word to quote."""
        little = {_key(row): row for row in rows if says_little(row["error"])}
        unknown = [row for key, row in little.items() if key not in self._known][:READ_LIMIT]
        if unknown:
            names = await self._service.reader(lambda history: _names_of(history, unknown))
            self._known |= await asyncio.to_thread(self._read, unknown, names)
            while len(self._known) > KEPT:
                self._known.popitem(last=False)
        for key, row in little.items():
            if self._known.get(key):
                row["said"] = self._known[key]

    def _read(self, rows: list[Row], names: dict[Key, Names]) -> dict[Key, str]:
        found: dict[Key, str] = {}
        until_s = time.monotonic() + WITHIN_S
        for row in rows:
            key = _key(row)
            if key not in names or time.monotonic() > until_s:
                continue
            with contextlib.suppress(OSError, WingmanError):  # gone, or unreadable
                found[key] = self._last_words(row, names[key])
        return found

    def _last_words(self, row: Row, names: Names) -> str:
        reader = LogReader(f"{self._folder}/{row['id']}", names)
        try:
            wanted = Filter.make(step=row["error"]["step"])
            page = reader.page_back(wanted, LAST_LINES, budget_bytes=BUDGET_BYTES)
            return said([reader.to_wire(line) for line in page.lines])
        finally:
            reader.close()


def _key(row: Row) -> Key:
    return (str(row["id"]), int(row["attempt"]))


def _names_of(history: History, rows: list[Row]) -> dict[Key, Names]:
    """Of each execution the attempts of the step that failed; of one that is gone nothing."""
    found: dict[Key, Names] = {}
    for row in rows:
        step = row["error"].get("step")
        if step:
            with contextlib.suppress(WingmanError):
                found[_key(row)] = history.attempts(history.find(row["id"]), step)
    return found
