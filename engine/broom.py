"""Removes the working directories of executions that completed; those of others are evidence.

Called by the scheduler when an execution ends, and once at the start for what an engine that died
has left. Works on a thread of its own: the loop never waits for a disk.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from engine.journal.database import open_reader, queries
from engine.jsontext import encode

PAUSE_S = 1.0  # a crowd of executions goes first
ASKED_AT_ONCE = 500
ITEMS = ".items"  # beside a working directory: what its batch steps have put aside


class Broom:
    """One thread that sweeps one folder of working directories."""

    def __init__(self, work: str) -> None:
        self._work = work
        self._completed: list[str] = []
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="broom")

    def completed(self, execution_id: str) -> None:
        """Remove an execution's directory soon, together with those of others that end now."""
        self._completed.append(execution_id)
        if len(self._completed) == 1:
            asyncio.get_running_loop().call_later(PAUSE_S, self._sweep)

    def _sweep(self) -> None:
        names, self._completed = self._completed, []
        self._thread.submit(self._remove, names)

    def close(self) -> None:
        """Remove what waits for it; the process ends after that."""
        self._sweep()

    def _remove(self, names: list[str]) -> None:
        for name in names:
            remove_folder(os.path.join(self._work, name))
            remove_folder(os.path.join(self._work, name + ITEMS))

    def start(self, database: Path) -> None:
        """Look in the background for what an earlier engine had no time to remove."""
        self._thread.submit(self._remove_leftovers, database)

    def _remove_leftovers(self, database: Path) -> None:
        names = sorted({name.removesuffix(ITEMS) for name in os.listdir(self._work)})
        connection = open_reader(database)
        try:
            for at in range(0, len(names), ASKED_AT_ONCE):
                asked = names[at : at + ASKED_AT_ONCE]
                found = connection.execute(queries()["completed_of"], (encode(asked).decode(),))
                self._remove([name for (name,) in found])
        finally:
            connection.close()


def remove_folder(path: str) -> None:
    """Remove a working directory; most are empty."""
    try:
        os.rmdir(path)
    except FileNotFoundError:
        return
    except OSError:
        shutil.rmtree(path, ignore_errors=True)
