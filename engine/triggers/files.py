"""Files that come, change or go, as triggers: each settled version once, also after a restart.

The kernel tells that a folder has changed; a look at the files says what. What is known of them is
part of the trigger's row, written in the transaction that acts on it.
"""

from __future__ import annotations

import asyncio
import glob
import os
import stat
import traceback
from collections.abc import Callable

from engine.clock import Clock
from engine.errors import Unavailable
from engine.times import to_text
from engine.triggers.arrivals import Arrivals
from engine.triggers.inotify import FolderWatch
from engine.triggers.trigger import Trigger

FILES_LIMIT = 2_000  # of one trigger: what is known of them is one row
LOOK_S = 0.1
AGAIN_S = 10.0
Stamp = list[int]  # modified (ns), bytes, inode


class Files:
    """The armed triggers on files of one engine."""

    def __init__(self, clock: Clock, arrivals: Arrivals, log: Callable[[str], None]) -> None:
        self._clock = clock
        self._arrivals = arrivals
        self._log = log
        self._triggers: dict[str, Trigger] = {}
        self._watch = FolderWatch(self._changed)
        self._settling: dict[tuple[str, str], tuple[Stamp, float]] = {}
        self._planned: dict[str, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def arm(self, trigger: Trigger) -> None:
        """Look at its files now and at every change."""
        self._triggers[trigger.name] = trigger
        self._watch_folders()
        self._plan(trigger, 0.0)

    def disarm(self, trigger: Trigger) -> None:
        """Its files are nobody's business any more."""
        self._triggers.pop(trigger.name, None)
        self._watch_folders()

    def look_at_all(self) -> None:
        """Once a minute: what no event told."""
        self._watch_folders()
        for trigger in self._triggers.values():
            self._plan(trigger, 0.0)

    def _watch_folders(self) -> None:
        self._watch.watch({each for t in self._triggers.values() for each in _folders(t)})

    def _changed(self, folders: set[str]) -> None:
        for trigger in self._triggers.values():
            if not folders.isdisjoint(_folders(trigger)):
                self._plan(trigger, LOOK_S)

    def _plan(self, trigger: Trigger, delay_s: float) -> None:
        """Look in a moment; the look that is planned already is soon enough."""
        if trigger.name not in self._planned:
            loop = asyncio.get_running_loop()
            self._planned[trigger.name] = loop.call_later(delay_s, self._begin, trigger)

    def _begin(self, trigger: Trigger) -> None:
        self._planned.pop(trigger.name, None)
        task = asyncio.get_running_loop().create_task(self._look(trigger))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _look(self, trigger: Trigger) -> None:
        if trigger.busy or self._triggers.get(trigger.name) is not trigger:
            trigger.again = True
            return
        trigger.busy, trigger.again = True, False
        try:
            await self._compare(trigger)
        except Exception:  # a fault with one must not end the watching of others
            self._log(f"trigger {trigger.name}: {traceback.format_exc()}")
        finally:
            trigger.busy = False
        if trigger.again:
            self._plan(trigger, LOOK_S)

    async def _compare(self, trigger: Trigger) -> None:
        """What is there against what is known; act on what has settled."""
        found = await asyncio.to_thread(_scan, trigger.definition["path"])
        if len(found) > FILES_LIMIT:
            trigger.problem = f"more than {FILES_LIMIT:,} files match: nothing is started for them"
            return
        if trigger.known is None:  # what was there before the trigger is no event
            trigger.known = found
            self._arrivals.keep(trigger)
            return
        now_s = asyncio.get_running_loop().time()
        for path, stamp in sorted(found.items()):
            known = trigger.known.get(path)
            if known == stamp:
                self._settling.pop((trigger.name, path), None)
            elif self._has_settled(trigger, path, stamp, now_s):
                change = "created" if known is None else "modified"
                await self._act(trigger, path, change, stamp)
        for path in sorted(trigger.known.keys() - found.keys()):
            await self._act(trigger, path, "deleted", trigger.known[path])

    def _has_settled(self, trigger: Trigger, path: str, stamp: Stamp, now_s: float) -> bool:
        """Whether a version has stayed for the settle time; else look again when it may have."""
        settle_s = float(trigger.definition["settle_s"])
        seen, since_s = self._settling.get((trigger.name, path), (None, now_s))
        if seen != stamp:
            self._settling[trigger.name, path] = (stamp, now_s)
            since_s = now_s
        if now_s - since_s >= settle_s:
            self._settling.pop((trigger.name, path), None)
            return True
        self._plan(trigger, settle_s - (now_s - since_s) + 0.01)
        return False

    async def _act(self, trigger: Trigger, path: str, change: str, stamp: Stamp) -> None:
        """One version of one file: known from now on, and an occasion where it is wanted."""
        assert trigger.known is not None
        before = dict(trigger.known)
        if change == "deleted":
            trigger.known.pop(path)
        else:
            trigger.known[path] = stamp
        if change not in trigger.definition["on"]:
            self._arrivals.keep(trigger)
            return
        at_us = self._clock.now_us()
        folder, name = os.path.split(path)
        event = {"path": path, "name": name, "folder": folder, "change": change,
                 "size": stamp[1], "at": to_text(at_us)}  # fmt: skip
        key = f"{path}@{change}-{'-'.join(map(str, stamp))}"
        if change == "deleted":  # the same file may come and go again
            key += f"-{at_us}"
        try:
            await self._arrivals.arrive(trigger, key, at_us, {"event": event})
        except Unavailable as error:  # nothing is decided: as if it had not been seen
            trigger.known = before
            self._log(f"trigger {trigger.name}: not now: {error}")
            self._plan(trigger, AGAIN_S)

    async def close(self) -> None:
        """Look no more."""
        for handle in self._planned.values():
            handle.cancel()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._watch.close()


def _folders(trigger: Trigger) -> set[str]:
    """The folders that are to be watched: those that the pattern's folder part means now."""
    folder = os.path.dirname(trigger.definition["path"])
    found = {each for each in glob.iglob(folder) if os.path.isdir(each)}
    return found or {_existing(folder)}


def _existing(folder: str) -> str:
    while not os.path.isdir(folder) and folder != "/":
        folder = os.path.dirname(folder)
    return folder


def _scan(pattern: str) -> dict[str, Stamp]:
    """The ordinary files that match, with what tells their versions apart."""
    found: dict[str, Stamp] = {}
    for path in glob.iglob(pattern):
        try:
            status = os.stat(path)
        except OSError:
            continue  # it went between listing and looking
        if stat.S_ISREG(status.st_mode):
            found[path] = [status.st_mtime_ns, status.st_size, status.st_ino]
        if len(found) > FILES_LIMIT:
            break
    return found
