"""The flows that steps call: found by name, compiled, and known for a moment.

A fan-out calls the same flow again and again. What was found counts for the calls of the next
second, as long as its file and the folder that it lies in are untouched: an edit counts at once.
"""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass
from typing import Any

from engine.errors import UnknownReference
from engine.library import Library, file_beside, read_file

KNOWN_S = 1.0  # how long at most a look counts
LOOK_AGAIN_S = 0.5  # after that, one of those that ask has it looked for again
LOOKS = 3  # at a file that is changed again and again

Stamp = tuple[int, int, int, int]
Key = tuple[str, str]  # a flow's name, the folder of the file that calls it


@dataclass(slots=True)
class Callee:
    """A flow as its file is now."""

    text: bytes
    source: str
    compiled: dict[str, Any]
    stamp: Stamp | None  # None: the file was changed while it was read
    looked_at_s: float

    def is_untouched(self) -> bool:
        """Whether its file, and what lies beside it, is as it was."""
        return self.stamp is not None and self.stamp == stamp_of(self.source)


class Callees:
    """The called flows of one engine."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._known: dict[Key, Callee] = {}
        self._looking: dict[Key, asyncio.Task[Callee]] = {}

    async def find(self, name: str, caller_source: str) -> Callee:
        """A flow by name: of the flow folders, else the file beside the caller's. One look for all
        that ask at once. Raises UnknownReference, FlowFileError.
        """
        key = (name, os.path.dirname(caller_source))
        for _ in range(LOOKS):
            found = await asyncio.shield(self._look_for(key))
            if found.is_untouched():
                break  # else the look had begun before an edit that who asks now may know of
        return found

    def known(self, name: str, caller_source: str) -> Callee | None:
        """The same without waiting, where it was found a moment ago and is as it was."""
        key = (name, os.path.dirname(caller_source))
        found = self._known.get(key)
        if found is None:
            return None
        age_s = time.monotonic() - found.looked_at_s
        if age_s > KNOWN_S or not found.is_untouched():
            del self._known[key]
            return None
        if age_s > LOOK_AGAIN_S:
            self._look_for(key)
        return found

    def _look_for(self, key: Key) -> asyncio.Task[Callee]:
        task = self._looking.get(key)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._look(*key))
            self._looking[key] = task
            task.add_done_callback(lambda done: self._looked(key, done))
        return task

    def _looked(self, key: Key, task: asyncio.Task[Callee]) -> None:
        self._looking.pop(key, None)
        if task.cancelled() or task.exception() is not None:
            self._known.pop(key, None)
            return
        if len(self._known) > 256:
            self._known.clear()
        self._known[key] = task.result()

    async def _look(self, name: str, folder: str) -> Callee:
        began_s = time.monotonic()
        try:
            file = await self._library.find(name)
        except UnknownReference:
            beside = await asyncio.to_thread(file_beside, folder, name)
            if beside is None:
                raise
            text, source = beside
        else:
            text, source = file.text, str(file.path)
        compiled = await self._library.compile(text, source)
        if compiled["name"] != name:
            raise UnknownReference(f"{source} holds the flow {compiled['name']}")
        stamp = await asyncio.to_thread(_stamp_with, source, text)
        return Callee(text, source, compiled, stamp, began_s)


def stamp_of(source: str) -> Stamp | None:
    """What changes when a file, or what lies beside it, does."""
    try:
        file, folder = os.stat(source), os.stat(os.path.dirname(source))
    except OSError:
        return None
    return file.st_mtime_ns, file.st_size, file.st_ino, folder.st_mtime_ns


def _stamp_with(source: str, text: bytes) -> Stamp | None:
    """The stamp of a file that holds this text."""
    stamp = stamp_of(source)
    try:
        return stamp if read_file(source) == text else None
    except OSError:
        return None
