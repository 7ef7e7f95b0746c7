"""The windows on the machine: its gauges with their history, and what each running step takes.

Opened by the feed. While one is open every live execution is watched, so that the runner measures
its steps. The other one says in two figures how busy the machine is, and has nothing measured.
"""

from __future__ import annotations

import asyncio
from typing import Any

from engine.core.state import Execution
from engine.model import Event
from engine.server.context import Context
from engine.server.window import Window
from engine.times import to_text

WATCHED_LIMIT = 100  # executions at once
SHARES = 20  # of cpu and load: changes below a twentieth are none
STEPS_OF_A_SHARE = 50


class MachineWindow(Window):
    """Gauges in steps coarse enough that an idle machine sends nothing."""

    pace_s = 1.0

    def __init__(self, context: Context, request: dict[str, Any]) -> None:
        super().__init__(context, request)
        self._sent: tuple[Any, Any] = (None, None)
        self._watched: set[str] = set()
        self._rows: dict[str, dict[str, Any]] = {}
        self._last: dict[str, tuple[float, dict[str, float]]] = {}
        for execution in list(context.service.scheduler.live.values()):
            self._watch(execution)
        context.gauges.observers.append(self._measured)
        context.gauges.look()

    def close(self) -> None:
        self.context.gauges.look_away()
        self.context.gauges.observers.remove(self._measured)
        for id_ in self._watched:
            self.context.unwatch(id_)
        self._watched.clear()

    def _watch(self, execution: Execution) -> None:
        if execution.id not in self._watched and len(self._watched) < WATCHED_LIMIT:
            self._watched.add(execution.id)
            self.context.watch(execution.id)

    def _measured(self) -> None:
        self.is_dirty = True
        self.wake()

    def changed(self, execution: Execution, events: list[Event]) -> None:
        if not execution.has_ended:
            self._watch(execution)
        elif execution.id in self._watched:
            self._watched.discard(execution.id)
            self.context.unwatch(execution.id)
        if any(event.type == "attempt.ended" for event in events):
            self.is_dirty = True

    def sampled(self, samples: dict[str, dict[str, float]]) -> None:
        now_s = asyncio.get_running_loop().time()
        for attempt, sample in samples.items():
            before_s, before = self._last.get(attempt, (now_s, sample))
            self._last[attempt] = (now_s, sample)
            row = self._row(attempt, sample, before, now_s - before_s)
            if row is not None:
                self._rows[attempt] = row
        self.is_dirty = True

    def _row(
        self, attempt: str, sample: dict[str, float], before: dict[str, float], passed_s: float
    ) -> dict[str, Any] | None:
        """What a step takes now; None when its attempt is over."""
        id_, _, number = attempt.rpartition(":")
        execution = self.context.service.scheduler.live.get(id_)
        step = execution.by_number.get(int(number)) if execution is not None else None
        if execution is None or step is None or step.state != "running":
            return None

        def rate(name: str) -> float:
            return max(0.0, sample[name] - before[name]) / passed_s if passed_s > 0 else 0.0

        return {
            "key": attempt,
            "id": id_,
            "flow": execution.flow,
            "number": execution.number,
            "path": step.path,
            "started_at": to_text(step.started_at_us) if step.started_at_us else None,
            "cpu": round(rate("cpu_s"), 2),
            "rss_bytes": sample["rss_bytes"],
            "read_bytes_s": round(rate("read_bytes")),
            "written_bytes_s": round(rate("write_bytes")),
            "processes": sample["processes"],
        }

    def _running(self) -> list[dict[str, Any]]:
        """The rows of what still runs; the rest is forgotten."""
        live = self.context.service.scheduler.live
        for attempt, row in list(self._rows.items()):
            execution = live.get(row["id"])
            step = execution.steps.get(row["path"]) if execution is not None else None
            if step is None or step.state != "running":
                del self._rows[attempt]
                self._last.pop(attempt, None)
        shown = (row for row in self._rows.values() if row["flow"] not in self.hidden)
        return sorted(shown, key=lambda row: str(row["key"]))

    async def content(self) -> dict[str, Any] | None:
        gauges = self.context.gauges
        if not gauges.samples:
            self.is_dirty = False
            return None
        now = gauges.samples[-1]
        steps = self._running()
        seen = (_coarse(now), steps)
        if self.version and seen == self._sent:
            return None
        self._sent = seen
        frame = {"gauges": now, "sample": gauges.count, "steps": steps}
        return frame if self.version else {**frame, "history": gauges.history()}


class GaugesWindow(Window):
    """What share of processor and memory is in use, coarsely, while it is measured anyway."""

    pace_s = 1.0

    def __init__(self, context: Context, request: dict[str, Any]) -> None:
        super().__init__(context, request)
        self._sent: dict[str, int] | None = None
        context.gauges.observers.append(self._measured)
        context.gauges.wake()  # steps that run on over a restart tell nothing by themselves

    def close(self) -> None:
        self.context.gauges.observers.remove(self._measured)

    def _measured(self) -> None:
        self.is_dirty = True
        self.wake()

    async def content(self) -> dict[str, Any] | None:
        gauges = self.context.gauges
        shares = _shares(gauges.samples[-1]) if gauges.is_measuring else {}
        if shares == self._sent:
            return None
        self._sent = shares
        return {"shares": shares}


def _shares(gauges: dict[str, Any]) -> dict[str, int]:
    """Percents in steps of a twentieth: what changes by less is not worth a line."""
    memory = gauges["memory_used_bytes"] / gauges["memory_total_bytes"]
    found = {"cpu": gauges["cpu"], "memory": memory}
    return {name: round(share * SHARES) * 100 // SHARES for name, share in found.items()}


def _coarse(gauges: dict[str, Any]) -> Any:
    """What of the gauges a person would notice."""
    rates = [_magnitude(gauges[name]) for name in gauges if name.endswith("_bytes_s")]
    return (
        round(gauges["cpu"] * SHARES),
        gauges["memory_used_bytes"] * STEPS_OF_A_SHARE // gauges["memory_total_bytes"],
        gauges["swap_used_bytes"] * STEPS_OF_A_SHARE // max(1, gauges["swap_total_bytes"]),
        gauges["disk_used_bytes"] * 4 * STEPS_OF_A_SHARE // gauges["disk_total_bytes"],
        rates,
        gauges["running_steps"],
        round(gauges["load"][0] * 2),
    )


def _magnitude(bytes_s: int) -> int:
    """A rate as a power of two; what a quiet machine says to itself is nothing."""
    return max(0, bytes_s.bit_length() - 17)
