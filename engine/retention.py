"""Removes ended executions, or their files, that no rule keeps, so gently that nobody notices.

Looks some time after ends of executions and once after the start; nothing polls. The journal is
asked over a connection of its own, a few rows go in each transaction, files go on a thread.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import traceback
from collections.abc import Callable, Iterable
from typing import Any

from engine.broom import ITEMS
from engine.clock import Clock
from engine.core.state import Execution
from engine.failpoints import reach
from engine.journal import removal
from engine.journal.journal import Journal
from engine.journal.reader import Reader
from engine.journal.removal import ALL_FLOWS, FILES, Bounds, Pair, Rule
from engine.model import Event
from engine.paths import Home
from engine.scheduler import Scheduler

PAUSE_S = float(os.environ.get("WINGMAN_RETENTION_PAUSE_S") or 60)  # after an end
STEP_PAUSE_S = 0.02
DAY_S = 86_400


class Retention:
    """One engine's rules about what stays, and what carries them out."""

    def __init__(
        self, home: Home, clock: Clock, journal: Journal, scheduler: Scheduler,
        given: dict[str, Any] | None, on_removed: Callable[[list[str]], None],
        log: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._on_removed = on_removed
        self._home = home
        self._clock = clock
        self._journal = journal
        self._reader = Reader(home.database)  # of its own: nobody waits behind its questions
        self._scheduler = scheduler
        self._default = removal.rules_from(given or {})  # of flows that say nothing
        self._together = removal.rules_from((given or {}).get("all"))
        self._log = log
        self._ended: dict[str, float] = {}  # flows to look at, when one of them ended last
        self._all_at = 0.0  # when to look at every flow
        # marks that a retried execution has lowered, and when one ended last
        self._again: dict[tuple[str, str], tuple[int, float]] = {}
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def use(self, given: dict[str, Any] | None) -> None:
        """These are the rules from now on: every flow is looked at soon."""
        self._default = removal.rules_from(given or {})
        self._together = removal.rules_from((given or {}).get("all"))
        self._all_at = 0.0
        self._wait()

    def start(self) -> None:
        """Look at every flow soon, and at those that something ends of."""
        self._scheduler.observers.append(self._seen)
        self._wait()

    def _seen(self, execution: Execution, events: list[Event]) -> None:
        """An execution has ended: another one may have become too old or too many."""
        if not execution.has_ended:
            return
        if self._default or self._together or execution.definition.get("retention"):
            now = self._ended[execution.flow] = asyncio.get_running_loop().time()
            self._wait()
            if execution.attempt > 1:  # it has files again
                for flow, mark in ((execution.flow, execution.number), (ALL_FLOWS, execution.ord)):
                    for what in FILES:
                        before, _ = self._again.get((flow, what), (mark, now))
                        self._again[flow, what] = (min(before, mark), now)

    def _wait(self) -> None:
        if self._timer is None and self._task is None:
            self._timer = asyncio.get_running_loop().call_later(PAUSE_S, self._begin)

    def _begin(self) -> None:
        self._timer = None
        self._task = asyncio.get_running_loop().create_task(self._look())
        self._task.add_done_callback(self._looked)

    def _looked(self, task: asyncio.Task[None]) -> None:
        self._task = None
        if self._ended and not task.cancelled():
            self._wait()

    async def _look(self) -> None:
        """Go over the flows of which something has ended; over all of them once a day."""
        now = asyncio.get_running_loop().time()
        names = list(self._ended)
        self._ended = {name: at for name, at in self._ended.items() if now - at < PAUSE_S}
        try:
            if now >= self._all_at:
                self._all_at = now + DAY_S
                await self._finish()
                names = await self._reader(removal.all_flows)
            found = await self._reader(lambda h: removal.rules(h, names, self._default))
            for flow, rules in {**found, ALL_FLOWS: self._together}.items():
                if "executions" in rules:
                    await self._keep(flow, rules["executions"])
                for what in FILES:
                    if what in rules:
                        await self._strip(flow, what, rules[what])
        except Exception:
            self._log(f"retention: {traceback.format_exc()}")

    async def _finish(self) -> None:
        """Go on with what an engine that died was removing."""
        while pairs := await self._reader(removal.leaving):
            if not await self._remove(pairs):
                return

    async def _bounds(self, flow: str, rule: Rule) -> Bounds | None:
        """What a rule does not keep; what ended just now stays for those who look at it."""
        before_us = self._clock.now_us() - round(PAUSE_S * 1e6)
        return await self._reader(lambda h: removal.bounds(h, flow, rule, before_us))

    async def _keep(self, flow: str, rule: Rule) -> None:
        """Remove the executions that a rule does not keep."""
        count, bounds = 0, await self._bounds(flow, rule)
        while bounds is not None:
            needed = self._needed()
            pairs = await self._reader(
                lambda h: removal.removable(h, bounds, needed)  # noqa: B023
            )
            live = self._scheduler.live.keys() | set(self._needed())
            pairs = [pair for pair in pairs if pair[1] not in live]
            if not pairs:
                break
            self._scheduler.leaving = {id_ for _, id_ in pairs}
            removal.take_leave(self._journal, pairs)
            await self._durable()
            self._scheduler.leaving = set()
            self._on_removed([id_ for _, id_ in pairs])
            reach("left_lists")
            if not await self._remove(pairs):
                break
            count += len(pairs)
        if count:
            self._log(f"retention: {count} executions{_of(flow)} were removed")

    async def _strip(self, flow: str, what: str, rule: Rule) -> None:
        """Remove the logs or working directories that a rule does not keep."""
        lowered, ended_at = self._again.get((flow, what), (1 << 62, 0.0))
        is_due = asyncio.get_running_loop().time() - ended_at >= PAUSE_S
        bounds = await self._bounds(flow, rule)
        if bounds is None:
            return
        if is_due and self._again.get((flow, what)) == (lowered, ended_at):
            del self._again[flow, what]  # else it is not looked at yet, and has to be later
        mark = await self._reader(lambda h: removal.mark(h, flow, what))
        begin = mark = min(mark, lowered - 1)
        count = 0
        while pairs := await self._reader(
            lambda h: removal.strippable(h, bounds, mark)  # noqa: B023
        ):
            live = self._scheduler.live.keys() | set(self._needed())
            going = [id_ for _, id_ in pairs if id_ not in live]
            count += await asyncio.to_thread(self._strip_files, what, going)
            if what == "logs":
                self._on_removed(going)
            mark = pairs[-1][0]
            await asyncio.sleep(STEP_PAUSE_S)
        # what lives, or is needed by what lives, is looked at again
        mark = min(mark, self._lowest_open(flow) - 1)
        if mark > begin:
            removal.set_mark(self._journal, flow, what, mark)
            await self._durable()
        if count:
            words = "logs" if what == "logs" else "working directories"
            self._log(f"retention: {words} of {count} executions{_of(flow)} were removed")

    def _lowest_open(self, flow: str) -> int:
        """The first mark of a flow, or of all, at which something is live."""
        live = self._scheduler.live.values()
        if flow == ALL_FLOWS:
            return min((ex.ord for ex in live), default=1 << 62)
        return min((ex.number for ex in live if ex.flow == flow), default=1 << 62)

    def _needed(self) -> list[str]:
        """Executions that live ones go on from, or were called by."""
        found: set[str | None] = set()
        for execution in self._scheduler.live.values():
            found |= {execution.resumed_from, execution.rerun_of}
            found |= set((execution.parent or {}).get("above", ()))
        return sorted(filter(None, found))

    async def _remove(self, pairs: list[Pair]) -> bool:
        """Remove what is left of executions that nobody sees any more; False where files stay."""
        while await self._reader(lambda h: removal.has_records(h, pairs)):
            removal.remove_records(self._journal, pairs)
            await self._durable()
        reach("records_removed")
        stays = await asyncio.to_thread(self._remove_files, [id_ for _, id_ in pairs])
        if stays:
            self._log(f"retention: {stays[0]} and {len(stays) - 1} more cannot be removed")
        gone = [pair for pair in pairs if not any(pair[1] in path for path in stays)]
        removal.has_left(self._journal, gone)
        await self._durable()
        return not stays

    async def _durable(self) -> None:
        """Wait for the disk, then a little more: others come first."""
        await self._journal.durable()
        await asyncio.sleep(STEP_PAUSE_S)

    def _remove_files(self, ids: list[str]) -> list[str]:
        """Remove logs and working directories; what could not be removed."""
        stays = []
        for path in self._files(FILES, ids):
            shutil.rmtree(path, ignore_errors=True)
            if os.path.lexists(path):
                stays.append(path)
        return stays

    def _strip_files(self, what: str, ids: list[str]) -> int:
        """Remove one kind of files; how many of these executions had any."""
        there = [path for path in self._files((what,), ids) if os.path.lexists(path)]
        for path in there:
            shutil.rmtree(path, ignore_errors=True)
        return sum(not path.endswith(ITEMS) for path in there)

    def _files(self, kinds: Iterable[str], ids: list[str]) -> list[str]:
        """Where executions have their files."""
        places = []
        for kind in kinds:
            folder = self._home.text(kind)
            places += [f"{folder}/{id_}" for id_ in ids]
            if kind == "work":
                places += [f"{folder}/{id_}{ITEMS}" for id_ in ids]
        return places

    async def close(self) -> None:
        """Begin nothing any more; the next engine goes on."""
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._reader.close()


def _of(flow: str) -> str:
    return f" of {flow}" if flow else ""
