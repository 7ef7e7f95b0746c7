"""The machine's gauges and their history, read from /proc while a step runs or somebody looks.

Called by the feed's machine window and by its route; nothing is sampled otherwise, so that an idle
engine uses no CPU. One `Gauges` an engine.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

PERIOD_S = 2.0
HISTORY = 150  # samples kept: five minutes
SECTOR_BYTES = 512  # of /proc/diskstats, whatever the disk's own is
# what is drawn as a history
DRAWN = (
    "cpu",
    "memory_used_bytes",
    "disk_read_bytes_s",
    "disk_written_bytes_s",
    "net_received_bytes_s",
    "net_sent_bytes_s",
    "running_steps",
)


class Gauges:
    """What the machine does now, and did in the last minutes."""

    def __init__(self, disk: Path, running_steps: Callable[[], int]) -> None:
        """`disk` is a folder on the disk that matters."""
        self._disk = disk
        self._running_steps = running_steps
        self._reader = threading.Lock()
        self._ticks: list[tuple[int, int]] = []  # busy and total, of all and of each core
        self._bytes = (0, 0, 0, 0)
        self._read_at_s = 0.0
        self._looking = 0
        self._task: asyncio.Task[None] | None = None
        self.is_measuring = False  # the last sample is of now
        self.samples: deque[dict[str, Any]] = deque(maxlen=HISTORY)
        self.count = 0  # of samples since the start: a client knows by it what it has missed
        self.observers: list[Callable[[], None]] = []

    def read(self) -> dict[str, Any]:
        """wire.Machine: shares and rates since the last look."""
        with self._reader:
            now_s = time.monotonic()
            passed_s = max(1e-3, now_s - self._read_at_s) if self._read_at_s else 0.0
            self._read_at_s = now_s
            shares = self._shares()
            rates = self._rates(passed_s)
        memory = _memory()
        usage = shutil.disk_usage(self._disk)
        return {
            "cpu": shares[0],
            "cores": shares[1:],
            "load": [round(value, 2) for value in os.getloadavg()],
            "memory_used_bytes": memory["MemTotal"] - memory["MemAvailable"],
            "memory_total_bytes": memory["MemTotal"],
            "swap_used_bytes": memory.get("SwapTotal", 0) - memory.get("SwapFree", 0),
            "swap_total_bytes": memory.get("SwapTotal", 0),
            "disk_used_bytes": usage.used,
            "disk_total_bytes": usage.total,
            **dict(zip(DRAWN[2:6], rates, strict=True)),
            "running_steps": self._running_steps(),
        }

    def _shares(self) -> list[float]:
        """The share of each core's time that was used since the last look; of all first."""
        ticks = _cpu_ticks()
        before = self._ticks if len(self._ticks) == len(ticks) else [(0, 0)] * len(ticks)
        self._ticks = ticks
        return [
            round((busy - old_busy) / (total - old_total), 3) if total > old_total else 0.0
            for (busy, total), (old_busy, old_total) in zip(ticks, before, strict=True)
        ]

    def _rates(self, passed_s: float) -> list[int]:
        """Bytes a second read, written, received and sent since the last look."""
        now = (*_disk_bytes(), *_net_bytes())
        before, self._bytes = self._bytes, now
        if not passed_s:
            return [0] * len(now)
        return [max(0, round((n - b) / passed_s)) for n, b in zip(now, before, strict=True)]

    # sampling

    def look(self) -> None:
        """Somebody looks from now on."""
        self._looking += 1
        self.wake()

    def look_away(self) -> None:
        """One of them has left."""
        self._looking -= 1

    def wake(self) -> None:
        """Sample as long as a step runs or somebody looks."""
        if self._is_wanted() and (self._task is None or self._task.done()):
            self._task = asyncio.get_running_loop().create_task(self._sample())

    def _is_wanted(self) -> bool:
        return self._looking > 0 or self._running_steps() > 0

    async def _sample(self) -> None:
        await asyncio.to_thread(self.read)  # shares and rates need a moment to start from
        while self._is_wanted():
            await asyncio.sleep(PERIOD_S if self.samples else PERIOD_S / 4)
            self.samples.append(await asyncio.to_thread(self.read))
            self.count += 1
            self.is_measuring = self._is_wanted()
            for observer in list(self.observers):
                observer()

    def history(self) -> dict[str, list[float]]:
        """The drawn gauges of the last samples, the newest last."""
        return {name: [sample[name] for sample in self.samples] for name in DRAWN}


def _memory() -> dict[str, int]:
    found: dict[str, int] = {}
    with open("/proc/meminfo", encoding="ascii") as stream:
        for line in stream:
            name, _, rest = line.partition(":")
            if name in ("MemTotal", "MemAvailable", "SwapTotal", "SwapFree"):
                found[name] = int(rest.split()[0]) * 1024
    return found


def _cpu_ticks() -> list[tuple[int, int]]:
    """Busy and total ticks: of all cores first, then of each."""
    found = []
    with open("/proc/stat", encoding="ascii") as stream:
        for line in stream:
            if not line.startswith("cpu"):
                break
            ticks = [int(text) for text in line.split()[1:9]]
            found.append((sum(ticks) - ticks[3] - ticks[4], sum(ticks)))
    return found


def _disk_bytes() -> tuple[int, int]:
    """Bytes read from and written to the whole disks, not counted again by their partitions."""
    read = written = 0
    try:
        names = set(os.listdir("/sys/block"))
        with open("/proc/diskstats", encoding="ascii") as stream:
            for line in stream:
                words = line.split()
                if words[2] in names and not words[2].startswith(("loop", "ram", "dm-", "md")):
                    read += int(words[5]) * SECTOR_BYTES
                    written += int(words[9]) * SECTOR_BYTES
    except (OSError, IndexError, ValueError):  # a container without them
        return 0, 0
    return read, written


def _net_bytes() -> tuple[int, int]:
    """Bytes received and sent, but for what the machine says to itself."""
    received = sent = 0
    try:
        with open("/proc/net/dev", encoding="ascii") as stream:
            for line in list(stream)[2:]:
                name, _, rest = line.partition(":")
                words = rest.split()
                if name.strip() != "lo":
                    received += int(words[0])
                    sent += int(words[8])
    except (OSError, IndexError, ValueError):
        return 0, 0
    return received, sent
