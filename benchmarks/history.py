"""Questions to a long history: list, filter, page deep, count, beside bare SQL.

`python -m benchmarks.history` fills a home through the product's own journal (1,000 and 1,000,000
executions), starts the engine on it, and asks over its socket. Prints medians and p99 in ms.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw

from engine.client.http import Client
from engine.client.launch import ensure_engine, stop
from engine.core.state import Execution
from engine.flowfile.formats import current
from engine.ids import new_execution_id
from engine.journal.journal import Journal
from engine.model import Event
from engine.paths import home_at

FLOWS = [f"flow-{n:02d}" for n in range(40)]
STATES = ("completed", "completed", "completed", "completed", "failed", "completed", "cancelled", "completed", "partial", "completed")  # fmt: skip
GROUP = 2000


def definition(name: str, type_: str) -> dict[str, Any]:
    return current({"format": 2, "name": name, "type": type_, "tags": ["bench"], "inputs": [],
                    "steps": [], "finally": [], "max_parallel": None, "timeout_s": None,
                    "outputs": {}})  # fmt: skip


async def fill(path: Path, n: int) -> None:
    """`n` ended executions, written by the journal in groups."""
    journal = Journal(path)
    journal.start(asyncio.get_running_loop())
    definitions = [
        definition(name, ("etl", "maintenance", "check")[i % 3]) for i, name in enumerate(FLOWS)
    ]
    start_us = 1_700_000_000_000_000
    for ord_ in range(1, n + 1):
        which = ord_ * 7919 % len(FLOWS)
        at_us = start_us + ord_ * 20_000_000
        ex = Execution(
            id=new_execution_id(at_us), ord=ord_, flow=FLOWS[which], number=ord_, version="v",
            source="", definition=definitions[which], inputs={"n": ord_}, trigger="schedule",
            actor="root", created_at_us=at_us, started_at_us=at_us, ended_at_us=at_us + 5_000_000,
        )  # fmt: skip
        ex.state = STATES[ord_ * 31 % 10]
        if ex.state == "failed":
            ex.error = {
                "step": "load",
                "type": "exit:1",
                "message": f"exited with 1 at block {ord_}",
            }
        journal.add_new(
            ex, Event(0, ex.id, at_us, "execution.queued", {"flow": ex.flow}), ex.inputs
        )
        journal.forget(ex)
        if ord_ % GROUP == 0:
            await journal.durable()
    await journal.durable()
    journal.close()


def measure(ask: Callable[[], Any], times: int = 200) -> tuple[float, float]:
    """Median and 99th percentile, in milliseconds."""
    spans = []
    for _ in range(times):
        began = time.perf_counter()
        ask()
        spans.append((time.perf_counter() - began) * 1000)
    return statistics.median(spans), sorted(spans)[int(times * 0.99) - 1]


def questions(client: Client, deep: str) -> dict[str, Callable[[], Any]]:
    def get(query: str) -> Callable[[], Any]:
        return lambda: client.request("GET", f"/v1/executions?limit=50&{query}")

    return {
        "newest 50": get(""),
        "failed": get("state=failed"),
        "failed of one flow": get("state=failed&flow=flow-07"),
        "of one type": get("type=etl"),
        "text in a flow's name": get("text=flow-1"),
        "90 % deep page": get(f"cursor={deep}"),
        "one by flow#number": lambda: client.request("GET", "/v1/executions/flow-07%2333"),
    }


def bare_sql(path: Path, deep: int) -> dict[str, tuple[float, float]]:
    db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    asks = {
        "newest 50": "SELECT * FROM executions ORDER BY ord DESC LIMIT 50",
        "failed": "SELECT * FROM executions WHERE state='failed' ORDER BY ord DESC LIMIT 50",
        "90 % deep page": f"SELECT * FROM executions WHERE ord < {deep} ORDER BY ord DESC LIMIT 50",
    }
    return {name: measure(lambda sql=sql: db.execute(sql).fetchall()) for name, sql in asks.items()}


def run(n: int) -> dict[str, tuple[float, float]]:
    """Fill, serve, ask."""
    root = Path(tempfile.mkdtemp(prefix="wingman-bench-"))
    home = home_at(root)
    home.create()
    try:
        began = time.perf_counter()
        asyncio.run(fill(home.database, n))
        print(f"# {n:,} executions written in {time.perf_counter() - began:.1f} s, "
              f"{home.database.stat().st_size / 1e6:.0f} MB")  # fmt: skip
        began = time.perf_counter()
        client = ensure_engine(home)
        client.request("GET", "/healthz")
        print(f"# engine up in {time.perf_counter() - began:.2f} s")
        deep = max(1, n // 10)
        found = {name: measure(ask) for name, ask in questions(client, str(deep)).items()}
        found |= {
            f"bare SQL: {name}": value for name, value in bare_sql(home.database, deep).items()
        }
        found["feed window at offset 5,000, total and counts"] = feed_figure(home)
        stop(home, cancel_all=True)
        return found
    finally:
        shutil.rmtree(root, ignore_errors=True)


def feed_figure(home: Any) -> tuple[float, float]:
    """A window of the feed in the middle of the history, opened and answered."""
    script = f"""
import asyncio, json, statistics, time, websockets
async def main():
    async with websockets.unix_connect({home.text("socket")!r}, "ws://x/v1/feed") as ws:
        spans = []
        for i in range(60):
            t = time.perf_counter()
            await ws.send(json.dumps({{"op": "open", "id": 1, "window": "executions", "filter": "state:completed", "offset": 5000, "limit": 60}}))
            while True:
                frame = json.loads(await ws.recv())
                if frame["kind"] == "snapshot": break
            spans.append((time.perf_counter() - t) * 1e3)
        print(json.dumps([statistics.median(spans), sorted(spans)[-1]]))
asyncio.run(main())
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    median, worst = json.loads(done.stdout)
    return median, worst


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", type=int, nargs="*", default=[1_000, 1_000_000])
    sizes = parser.parse_args().sizes
    columns = {n: run(n) for n in sizes}
    print("| question | " + " | ".join(f"{n:,}: p50 / p99 ms" for n in sizes) + " |")
    print("|---|" + "---|" * len(sizes))
    for name in columns[sizes[-1]]:
        cells = [columns[n][name] for n in sizes]
        print(f"| {name} | " + " | ".join(f"{a:.2f} / {b:.2f}" for a, b in cells) + " |")


if __name__ == "__main__":
    main()
