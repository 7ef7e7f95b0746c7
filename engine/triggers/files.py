"""Files that come, change or go, as triggers: each settled version once, also after a restart.

The kernel tells that a folder has changed; a look at the files says what. What is known of a file
is a row, written in the transaction that acts on it.
"""

from __future__ import annotations

import asyncio
import os
import traceback
from collections.abc import Callable

from engine.clock import Clock
from engine.errors import Unavailable
from engine.journal import occasions
from engine.service import Service
from engine.times import to_text
from engine.triggers.arrivals import Arrivals
from engine.triggers.inotify import FolderWatch
from engine.triggers.matching import Found, Stamp, find, stamp_of
from engine.triggers.trigger import Trigger

LOOK_S = 0.1
REST = 10  # looks take a tenth of the time at the most, however many files there are
AGAIN_S = 10.0
AT_ONCE = 50  # files that are acted on together
GONE = ("skipped", "the file was gone before the flow could start")
NO_TEXT = ("missed", "the file's name is no UTF-8 text, so no input can hold it")
UNWATCHED = "not all folders can be watched"
TOO_MANY = "more than "


class Files:
    """The armed triggers on files of one engine."""

    def __init__(
        self, service: Service, clock: Clock, arrivals: Arrivals, log: Callable[[str], None]
    ) -> None:
        self._service = service
        self._clock = clock
        self._arrivals = arrivals
        self._log = log
        self._triggers: dict[str, Trigger] = {}
        self._folders: dict[str, set[str]] = {}  # by trigger, those that matter to it
        self._watch = FolderWatch(self._changed)
        self._settling: dict[str, dict[str, tuple[Stamp, float]]] = {}
        self._planned: dict[str, asyncio.TimerHandle] = {}
        self._rest_s: dict[str, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def arm(self, trigger: Trigger) -> None:
        """Look at its files now and at every change."""
        self._triggers[trigger.name] = trigger
        self._plan(trigger, 0.0)

    def disarm(self, trigger: Trigger) -> None:
        """Its files are nobody's business any more."""
        for known in (self._triggers, self._folders, self._settling, self._rest_s):
            known.pop(trigger.name, None)
        self._watch_folders()

    def look_at_all(self) -> None:
        """Once a minute: what no event told."""
        for trigger in self._triggers.values():
            self._plan(trigger, 0.0)

    def _watch_folders(self) -> bool:
        """Watch what matters to any of them; whether some are watched that were not before."""
        return self._watch.watch(set().union(*self._folders.values()))

    def _changed(self, folders: set[str]) -> None:
        for trigger in self._triggers.values():
            if not folders.isdisjoint(self._folders.get(trigger.name, ())):
                self._plan(trigger, max(LOOK_S, self._rest_s.get(trigger.name, 0.0)))

    def _plan(self, trigger: Trigger, delay_s: float) -> None:
        """Look in a moment; a look that is planned for earlier is soon enough."""
        loop = asyncio.get_running_loop()
        planned = self._planned.get(trigger.name)
        if planned is not None:
            if planned.when() <= loop.time() + delay_s:
                return
            planned.cancel()
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
        found = await self._find(trigger)
        if found.problem:
            return
        if trigger.known is None and not await self._remember(trigger, found):
            return
        known = trigger.known
        assert known is not None
        settling = self._settling.setdefault(trigger.name, {})
        for path in settling.keys() - found.files.keys():
            del settling[path]  # it went again
        now_s = asyncio.get_running_loop().time()
        changes: list[tuple[str, str, Stamp]] = []
        for path, stamp in sorted(found.files.items()):
            before = known.get(path)
            if before == stamp:
                settling.pop(path, None)
            elif self._has_settled(trigger, path, stamp, now_s):
                changes.append((path, "created" if before is None else "modified", stamp))
        changes += [(path, "deleted", known[path]) for path in sorted(known.keys() - found.files)]
        for at in range(0, len(changes), AT_ONCE):
            some = changes[at : at + AT_ONCE]
            acted = await asyncio.gather(*(self._act(trigger, *change) for change in some))
            if not all(acted):
                self._plan(trigger, AGAIN_S)
                return

    async def _find(self, trigger: Trigger) -> Found:
        """Look at the disk, and watch the folders that matter."""
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        found = await asyncio.to_thread(find, trigger.definition["path"])
        self._rest_s[trigger.name] = (loop.time() - began_s) * REST
        if self._triggers.get(trigger.name) is trigger:
            self._folders[trigger.name] = found.folders
            if self._watch_folders():
                self._plan(trigger, LOOK_S)  # something may have come before it was watched
        problem = found.problem or self._unwatched(found.folders)
        if problem or trigger.problem.startswith((UNWATCHED, TOO_MANY)):
            trigger.problem = problem
        return found

    def _unwatched(self, folders: set[str]) -> str:
        """What the kernel refuses to watch: then files are found each minute only."""
        refused = self._watch.refused
        count = len(folders & refused.keys())
        if not count:
            return ""
        reason = next(refused[each] for each in folders if each in refused)
        return f"{UNWATCHED}: {count} of {len(folders)} are looked at each minute ({reason})"

    async def _remember(self, trigger: Trigger, found: Found) -> bool:
        """Know what the last engine knew; what was there before the trigger is no event."""
        if trigger.has_looked:
            trigger.known = await self._service.reader(
                lambda history: occasions.watched(history, trigger.name)
            )
            return True
        trigger.known, trigger.has_looked = dict(found.files), True
        rows = [[occasions.stored(path), *stamp] for path, stamp in found.files.items()]
        journal = self._service.journal
        journal.add_row("forget_watched", [trigger.name])
        journal.add_row("know_watched", [trigger.name, rows], is_heavy=True)
        self._arrivals.keep(trigger)
        return False

    def _has_settled(self, trigger: Trigger, path: str, stamp: Stamp, now_s: float) -> bool:
        """Whether a version has stayed for the settle time; else look again when it may have."""
        settle_s = float(trigger.definition["settle_s"])
        settling = self._settling[trigger.name]
        seen, since_s = settling.get(path, (None, now_s))
        if seen != stamp:
            settling[path] = (stamp, now_s)
            since_s = now_s
        if now_s - since_s >= settle_s:
            settling.pop(path, None)
            return True
        self._plan(trigger, settle_s - (now_s - since_s) + 0.01)
        return False

    async def _act(self, trigger: Trigger, path: str, change: str, stamp: Stamp) -> bool:
        """One version of one file: known from now on, and an occasion where it is wanted.

        False where nothing can be decided now: it is as if it had not been seen.
        """
        if change not in trigger.definition["on"]:
            self._know(trigger, path, None if change == "deleted" else stamp)
            return True
        at_us = self._clock.now_us()
        folder, name = os.path.split(path)
        event = {"path": path, "name": name, "folder": folder, "change": change,
                 "size": stamp[1], "at": to_text(at_us)}  # fmt: skip
        key = f"{occasions.stored(path)}@{change}-{'-'.join(map(str, stamp))}"
        if change == "deleted":  # the same file may come and go again
            key += f"-{at_us}"
        refused = None
        if not _is_text(path):
            refused = NO_TEXT
        elif change != "deleted":
            now = await asyncio.to_thread(stamp_of, path)
            if now is not None and now != stamp:
                return True  # it changes again: the next look waits until it has settled
            refused = GONE if now is None else None
        try:
            await self._arrivals.arrive(
                trigger, key, at_us, {"event": event}, refused=refused,
                note=lambda: self._know(trigger, path, stamp if change != "deleted" else None),
            )  # fmt: skip
        except Unavailable as error:
            self._arrivals.hold(trigger, error.message)
            self._log(f"trigger {trigger.name}: not now: {error}")
            return False
        self._arrivals.hold(trigger, "")
        return True

    def _know(self, trigger: Trigger, path: str, stamp: Stamp | None) -> None:
        """Put what is known of a file into the open transaction."""
        if trigger.known is None:
            return
        journal = self._service.journal
        if stamp is None:
            trigger.known.pop(path, None)
            journal.add_row("forget_watched_file", [trigger.name, occasions.stored(path)])
        else:
            trigger.known[path] = stamp
            rows = [[occasions.stored(path), *stamp]]
            journal.add_row("know_watched", [trigger.name, rows])

    async def close(self) -> None:
        """Look no more."""
        for handle in self._planned.values():
            handle.cancel()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._watch.close()


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
