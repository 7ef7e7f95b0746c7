"""The machine's gauges, read from /proc when somebody looks; nothing is sampled otherwise."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path
from typing import Any

_lock = threading.Lock()
_last_cpu = [0, 0]  # busy and total ticks at the last look


def read_machine(disk: Path, running_steps: int) -> dict[str, Any]:
    """wire.Machine; `cpu` is the share used since the last look."""
    memory = _memory()
    usage = shutil.disk_usage(disk)
    return {
        "cpu": round(_cpu_share(), 3),
        "load": [round(value, 2) for value in os.getloadavg()],
        "memory_used_bytes": memory["MemTotal"] - memory["MemAvailable"],
        "memory_total_bytes": memory["MemTotal"],
        "disk_used_bytes": usage.used,
        "disk_total_bytes": usage.total,
        "running_steps": running_steps,
    }


def _memory() -> dict[str, int]:
    found: dict[str, int] = {}
    with open("/proc/meminfo", encoding="ascii") as stream:
        for line in stream:
            name, _, rest = line.partition(":")
            if name in ("MemTotal", "MemAvailable"):
                found[name] = int(rest.split()[0]) * 1024
    return found


def _cpu_share() -> float:
    with open("/proc/stat", encoding="ascii") as stream:
        ticks = [int(text) for text in stream.readline().split()[1:9]]
    total, busy = sum(ticks), sum(ticks) - ticks[3] - ticks[4]
    with _lock:
        busy_before, total_before = _last_cpu
        _last_cpu[:] = [busy, total]
    passed = total - total_before
    return (busy - busy_before) / passed if passed > 0 else 0.0
