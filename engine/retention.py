"""Removes ended executions that no rule keeps, in steps so small that nobody notices.

Looks some time after ends of executions and once after the start; nothing polls. The journal is
asked on the reader's thread, a few rows go in each transaction, files go on a thread of its own.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import traceback
from collections.abc import Callable

from engine.broom import ITEMS
from engine.clock import Clock
from engine.core.state import Execution
from engine.failpoints import reach
from engine.journal import removal
from engine.journal.journal import Journal
from engine.journal.reader import Reader
from engine.journal.removal import Pair, Rule
from engine.model import Event
from engine.paths import Home
from engine.scheduler import Scheduler

PAUSE_S = float(os.environ.get("WINGMAN_RETENTION_PAUSE_S") or 60)  # after an end
STEP_PAUSE_S = 0.02
DAY_S = 86_400


class Retention:
    """One engine's rules about what stays, and what carries them out."""

    def __init__(
        self, home: Home, clock: Clock, journal: Journal, reader: Reader, scheduler: Scheduler,
        default: dict[str, int] | None, on_removed: Callable[[], None], log: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._on_removed = on_removed
        self._home = home
        self._clock = clock
        self._journal = journal
        self._reader = reader
        self._scheduler = scheduler
        self._default = removal.rule_from(default)
        self._log = log
        self._ended: dict[str, float] = {}  # flows to look at, when one of them ended last
        self._all_at = 0.0  # when to look at every flow
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Look at every flow soon, and at those that something ends of."""
        self._scheduler.observers.append(self._seen)
        self._wait()

    def _seen(self, execution: Execution, events: list[Event]) -> None:
        """An execution has ended: another one may have become too old or too many."""
        if not execution.has_ended:
            return
        if self._default or execution.definition.get("retention"):
            self._ended[execution.flow] = asyncio.get_running_loop().time()
            self._wait()

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
            for flow, rule in (await self._reader(lambda h: removal.rules(h, names))).items():
                if rule := rule or self._default:
                    await self._keep(flow, rule)
        except Exception:
            self._log(f"retention: {traceback.format_exc()}")

    async def _finish(self) -> None:
        """Go on with what an engine that died was removing."""
        while pairs := await self._reader(removal.leaving):
            if not await self._remove(pairs):
                return

    async def _keep(self, flow: str, rule: Rule) -> None:
        """Remove what a rule does not keep; what ended just now stays for those who look at it."""
        count = 0
        while True:
            before_us = self._clock.now_us() - round(PAUSE_S * 1e6)
            needed = self._needed()
            pairs = await self._reader(
                lambda h: removal.removable(h, flow, rule, before_us, needed)  # noqa: B023
            )
            live = self._scheduler.live.keys() | set(self._needed())
            pairs = [pair for pair in pairs if pair[1] not in live]
            if not pairs:
                break
            self._scheduler.leaving = {id_ for _, id_ in pairs}
            removal.take_leave(self._journal, pairs)
            await self._durable()
            self._scheduler.leaving = set()
            self._on_removed()
            reach("left_lists")
            if not await self._remove(pairs):
                break
            count += len(pairs)
        if count:
            self._log(f"retention: {count} executions of {flow} were removed")

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
        work, logs = self._home.text("work"), self._home.text("logs")
        stays = []
        for id_ in ids:
            for path in (f"{work}/{id_}", f"{work}/{id_}{ITEMS}", f"{logs}/{id_}"):
                shutil.rmtree(path, ignore_errors=True)
                if os.path.lexists(path):
                    stays.append(path)
        return stays

    async def close(self) -> None:
        """Begin nothing any more; the next engine goes on."""
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
