"""Retention of 100,000 executions beside somebody who lists, and beside executions that go on.

`python -m benchmarks.retention` fills a home (each execution with a step, its events, and a log on the
disk), starts the engine with a rule that keeps few of them, and asks for the list at a steady rate:
first while nothing is removed, then while it is. Prints the percentiles of the answers, in ms.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from benchmarks.triggers import cpu_s, load, percentile
from engine.client.http import Client
from engine.client.launch import ensure_engine, stop
from engine.core.state import Execution
from engine.flowfile.formats import current
from engine.ids import new_execution_id
from engine.journal.journal import Journal
from engine.model import Event
from engine.paths import Home, home_at

FLOWS = [f"flow-{n:02d}" for n in range(20)]
GROUP = 500
LISTS_A_SECOND = 50
STARTS_A_SECOND = 20
STEP = {"id": "a", "path": "a", "kind": "run", "run": "true"}
LIVE = "name: live\nsteps: [{id: a, python: {script: 'pass'}}]\n"


def definition(flow: str) -> dict[str, Any]:
    return current({"format": 2, "name": flow, "type": "bench", "tags": [], "inputs": [], "steps": [current_step()],
                    "finally": [], "max_parallel": None, "timeout_s": None, "outputs": {}})  # fmt: skip


def current_step() -> dict[str, Any]:
    from engine.flowfile import compile_flow

    return dict(compile_flow(b"name: x\nsteps: [{id: a, run: 'true'}]\n", "")["steps"][0])


async def fill(home: Home, n: int) -> None:
    """`n` ended executions, as the journal and the runner would have left them."""
    journal = Journal(home.database)
    journal.start(asyncio.get_running_loop())
    definitions = {flow: definition(flow) for flow in FLOWS}
    start_us = 1_700_000_000_000_000
    for ord_ in range(1, n + 1):
        flow, at_us = FLOWS[ord_ % len(FLOWS)], start_us + ord_ * 1_000_000
        ex = Execution(
            id=new_execution_id(at_us), ord=ord_, flow=flow, number=ord_ // len(FLOWS) + 1, version="v", source="",
            definition=definitions[flow], inputs={"n": ord_}, trigger="schedule", actor="root",
            created_at_us=at_us, started_at_us=at_us, ended_at_us=at_us + 500_000,
        )  # fmt: skip
        ex.state = "completed" if ord_ % 7 else "failed"
        journal.add_new(ex, Event(0, ex.id, at_us, "execution.queued", {"flow": flow}), ex.inputs)
        end = {"log_bytes": 6, "log_records": 1}
        generation = "0"
        journal.add(ex, [
            Event(0, ex.id, at_us, "attempt.starting", {"number": 1, "step": "a", "try_number": 1, "generation": generation}),
            Event(0, ex.id, at_us, "attempt.ended", {"number": 1, "step": "a", "state": "completed", "end": end}),
            Event(0, ex.id, at_us, "execution.ended", {"state": ex.state}),
        ])  # fmt: skip
        journal.forget(ex)
        folder = home.logs / ex.id
        folder.mkdir()
        (folder / "index").write_bytes(bytes(40))
        (folder / "000001.a.log").write_bytes(b"hello\n")
        if ord_ % GROUP == 0:
            await journal.durable()
    for flow in FLOWS:
        journal.add_flow(flow, n // len(FLOWS) + 2, "off")
    await journal.durable()
    journal.close()


class Starter(threading.Thread):
    """Starts executions at a steady rate."""

    def __init__(self, home: Home) -> None:
        super().__init__(daemon=True)
        self._client, self._home, self.ends = Client(home), home, threading.Event()

    def run(self) -> None:
        request = {"text": LIVE, "source": str(self._home.root / "live.yaml")}
        while not self.ends.wait(1 / STARTS_A_SECOND):
            self._client.request("POST", "/v1/executions", request)


def lists(client: Client, seconds: float) -> list[float]:
    """How long each of the lists that fell due took, from when it was due; in ms, sorted."""
    found, begin, n = [], time.monotonic(), 0
    while (due := begin + n / LISTS_A_SECOND) < begin + seconds:
        time.sleep(max(0.0, due - time.monotonic()))
        sent = time.monotonic()
        client.request("GET", "/v1/executions?limit=50")
        found.append((time.monotonic() - sent) * 1e3)
        n += 1
    return sorted(found)


def row(what: str, times: list[float], more: str = "") -> str:
    p50, p99 = percentile(times, 0.5), percentile(times, 0.99)
    return f"| {what} | p50 {p50:.2f}, p99 {p99:.2f}, max {times[-1]:.1f} ms | {more} |"


def measure(home: Home, seconds: float, starts: bool) -> None:
    client = ensure_engine(home)
    starter = Starter(home)
    if starts:
        starter.start()
    pid = client.request("GET", "/v1/engine")["pid"]
    lists(client, 1)
    idle = lists(client, seconds)
    print(row("list, nothing is removed", idle))
    deadline_s = time.monotonic() + 120
    before = count(home)
    while count(home) == before:
        assert time.monotonic() < deadline_s, "retention does not begin"
        time.sleep(0.2)
    before, begin_s, used_s = count(home), time.monotonic(), cpu_s(pid)
    busy = lists(client, seconds)
    took_s = time.monotonic() - begin_s
    gone = (before - count(home)) / took_s
    more = f"{percentile(busy, 0.99) / percentile(idle, 0.99):.2f}x (goal: 2x); {gone:.0f} removed/s, {(cpu_s(pid) - used_s) / took_s:.0%} of a core"
    print(row("list, while executions are removed", busy, more))
    starter.ends.set()


def count(home: Home) -> int:
    """How many executions still have logs."""
    return len(os.listdir(home.logs))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--executions", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=20)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))  # the engine ends with us
    with tempfile.TemporaryDirectory() as folder:
        home = home_at(Path(folder))
        home.create()
        home.config_file.write_text("[retention]\nkeep = 10\n")
        os.environ["WINGMAN_RETENTION_PAUSE_S"] = str(options.seconds + 4)
        began = time.perf_counter()
        asyncio.run(fill(home, options.executions))
        print(f"# {options.executions:,} executions written in {time.perf_counter() - began:.1f} s; {load()}")
        for starts in (False, True):
            print(f"# {f'beside {STARTS_A_SECOND} starts a second' if starts else 'beside nothing else'}")
            try:
                measure(home, options.seconds, starts)
            finally:
                stop(home, True)


if __name__ == "__main__":
    main()
