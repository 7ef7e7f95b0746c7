"""From the files of the flow folders to armed triggers: read at start, and at every change.

A file that cannot be read as a flow keeps the triggers that it had, in the version that it had.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path

from engine.errors import FlowFileError, WingmanError
from engine.library import FlowFile, Library
from engine.triggers.inotify import FolderWatch
from engine.triggers.keeper import Keeper

SETTLE_S = 0.2  # an editor writes, renames and touches: look once it is done
RESCAN_S = 60.0
THIN_EVERY = 60  # rescans
WORD = b"triggers"


class Registry:
    """Keeps the keeper's triggers as the flow folders have them."""

    def __init__(self, keeper: Keeper, library: Library, log: Callable[[str], None]) -> None:
        self._keeper = keeper
        self._library = library
        self._log = log
        self._stamps: dict[str, tuple[int, int, int]] = {}
        self._watch: FolderWatch | None = None
        self._pending: asyncio.TimerHandle | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._lock = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._rounds = 0
        self.ready = asyncio.Event()  # set once every file was looked at
        self.on_changed: Callable[[], Awaitable[None]] | None = None  # files are new, or others

    async def open(self) -> None:
        """Take back what was armed, read what has changed since, and watch."""
        self._keeper.refresh = self._refresh_when_open
        await self._keeper.load()
        self._watch = FolderWatch(lambda folders: self._soon(SETTLE_S))
        await self.refresh()
        self.ready.set()
        self._next_round()

    def soon(self) -> None:
        """The folders are others now."""
        self._soon(0.0)

    def _soon(self, delay_s: float) -> None:
        if self._pending is None:
            loop = asyncio.get_running_loop()
            self._pending = loop.call_later(delay_s, self._begin_refresh)

    def _begin_refresh(self) -> None:
        self._pending = None
        self._spawn()

    def _spawn(self) -> None:
        task = asyncio.get_running_loop().create_task(self._refresh_safely())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _next_round(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(RESCAN_S, self._round)

    def _round(self) -> None:
        """Once a minute: what no event told (a folder on the network, a clock that was set)."""
        self._rounds += 1
        self._keeper.each_minute()
        if self._rounds % THIN_EVERY == 1:
            self._keeper.thin_ledger()
        self._spawn()
        self._next_round()

    async def _refresh_safely(self) -> None:
        try:
            await self.refresh()
        except Exception:  # the next look may go better
            self._log(f"looking at the flow folders: {traceback.format_exc()}")

    async def _refresh_when_open(self) -> None:
        """For those who ask right after an edit."""
        await self.ready.wait()
        await self.refresh()

    async def refresh(self) -> None:
        """Look at every file; read those that are new or changed."""
        async with self._lock:
            if self._watch is not None:
                folders = await asyncio.to_thread(_all_folders, self._library.folders)
                self._watch.watch(folders)
            files = await self._library.own_files()
            present = {str(file.path) for file in files}
            gone = [t for t in self._keeper.triggers.values()
                    if t.is_armed and t.source not in present]  # fmt: skip
            self._keeper.disarm(gone)
            for source in self._stamps.keys() - present:
                del self._stamps[source]
                self._keeper.unread.pop(source, None)
            new = [file for file in files if self._stamps.get(str(file.path)) != file.stamp]
            for file in new:
                if await self._take(file):
                    self._stamps[str(file.path)] = file.stamp
        if new and self.on_changed is not None:
            await self.on_changed()

    async def _take(self, file: FlowFile) -> bool:
        """Arm what a new or changed file says; False where it has to be looked at again."""
        source = str(file.path)
        self._keeper.unread.pop(source, None)
        known = self._keeper.of_source(source)
        if not known and WORD not in file.text:
            return True
        version = hashlib.sha256(file.text).hexdigest()
        if known and all(trigger.version == version for trigger in known):
            for trigger in known:
                trigger.problem = ""
                self._keeper.begin(trigger)
            return True
        try:
            compiled = await self._library.compile(file.text, source)
        except FlowFileError as error:
            first = str(error).partition("\n")[0]
            if not known:
                self._keeper.unread[source] = first
            self._keeper.set_problem(source, f"the file has errors, its last good version is in "
                                     f"effect: {first}")  # fmt: skip
            self._begin_as_before(source)
            return True
        except WingmanError as error:
            self._log(f"{source}: {error}")
            self._begin_as_before(source)
            return False
        same = self._keeper.by_flow.get(compiled["name"], {}).values()
        other = next((t.source for t in same if t.source != source), None)
        if other is not None:
            self._keeper.set_problem(other, f"{source} is a flow of the same name, "
                                     "and its triggers are not in effect")  # fmt: skip
            return False
        self._keeper.arm(compiled, file.text.decode("utf-8", "replace"), source)
        return True

    def _begin_as_before(self, source: str) -> None:
        if not self.ready.is_set():  # at the start they are not in effect yet
            for trigger in self._keeper.of_source(source):
                self._keeper.begin(trigger)

    async def close(self) -> None:
        """Look at nothing any more."""
        for handle in (self._pending, self._timer):
            if handle is not None:
                handle.cancel()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._watch is not None:
            self._watch.close()
        await self._keeper.close()


def _all_folders(tops: list[Path]) -> list[str]:
    """The flow folders and every folder in them; of one that is not there, the one above it."""
    found: list[str] = []
    for top in tops:
        if not top.is_dir():
            found.append(str(top.parent))
        for root, folders, _ in os.walk(top):
            folders[:] = [name for name in folders if not name.startswith(".")]
            found.append(root)
    return found
