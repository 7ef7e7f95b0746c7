"""An engine that nobody looks at does nothing, and takes little memory."""

from __future__ import annotations

import time
from pathlib import Path

from tests.engine.api import Engine

SPAN_S = 4.0
MEMORY_LIMIT_KB = 90 << 10


def ticks(pid: int) -> int:
    """Processor time that a process has used, in hundredths of a second."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def resident_kb(pid: int) -> int:
    return int(Path(f"/proc/{pid}/status").read_text().partition("VmRSS:")[2].split()[0])


def test_an_idle_engine_and_its_runner_take_no_time_and_little_memory(engine: Engine) -> None:
    engine.run("steps: [{id: a, run: 'echo x'}, {id: b, python: {script: 'print(1)'}}]")
    engine.log("@last")
    status = engine.status
    pids = (status["pid"], status["runner_pid"])
    engine.client.close()
    time.sleep(2)  # what follows the last execution
    before = [ticks(pid) for pid in pids]
    time.sleep(SPAN_S)
    used = [ticks(pid) - was for pid, was in zip(pids, before, strict=True)]
    memory_kb = [resident_kb(pid) for pid in pids]
    print(f"idle for {SPAN_S} s: ticks {used}, resident kB {memory_kb}")
    assert sum(used) <= 1
    assert sum(memory_kb) <= MEMORY_LIMIT_KB
