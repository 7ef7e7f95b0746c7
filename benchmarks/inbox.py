"""The inbox beside a long history: filled from it once, then asked.

`python -m benchmarks.inbox` makes homes of 1,000 and 1,000,000 executions that know no inbox yet,
and prints the engine's first and second start, and medians and p99 of what is asked, in ms.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import tempfile
import time
from pathlib import Path

import apsw

from benchmarks.history import fill, measure
from engine.client.launch import ensure_engine, stop
from engine.paths import Home, home_at

PLACES = 5_000  # open ones, in the second question: far more than anybody has


def started(home: Home) -> float:
    """Seconds until an engine answers."""
    began = time.perf_counter()
    ensure_engine(home).request("GET", "/healthz")
    return time.perf_counter() - began


def crowd(home: Home) -> None:
    """Another 5,000 entries, each of a flow of its own."""
    db = apsw.Connection(str(home.database))
    with db:
        for n in range(PLACES):
            id_, at = f"{n:012x}", 1_800_000_000_000_000 + n
            db.execute("INSERT INTO inbox (id, type, last, open) VALUES (?, 'OSError', ?, 1)", (id_, at))
            db.execute("INSERT INTO inbox_places VALUES (?, ?, 'load', 'no space', 1, 3, 3, ?, ?, ?, 'x', 1)",
                       (id_, f"crowd-{n}", at, at, at))  # fmt: skip
    db.close()


def print_answers(home: Home, words: str) -> None:
    """How long the list takes, and one entry of it."""
    client = ensure_engine(home)
    newest = client.request("GET", "/v1/inbox")["entries"][0]["id"]
    asks = {
        "list, 100 at most": lambda: client.request("GET", "/v1/inbox"),
        "one entry": lambda: client.request("GET", f"/v1/inbox/{newest}"),
    }
    for name, ask in asks.items():
        median, p99 = measure(ask)
        print(f"{name + ', ' + words:<40} p50 {median:7.2f}  p99 {p99:7.2f} ms")


def run(n: int) -> None:
    root = Path(tempfile.mkdtemp(prefix="wingman-bench-"))
    home = home_at(root)
    home.create()
    try:
        asyncio.run(fill(home.database, n))
        print(f"## {n:,} executions, {home.database.stat().st_size / 1e6:.0f} MB")
        print(f"first start, with the filling   {started(home):6.2f} s")
        stop(home, cancel_all=True)
        print(f"second start                    {started(home):6.2f} s")
        for words in ("of the history", f"with {PLACES:,} more"):
            if words != "of the history":
                crowd(home)
            print_answers(home, words)
            stop(home, cancel_all=True)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 1_000_000])
    for n in parser.parse_args().sizes:
        run(n)


if __name__ == "__main__":
    main()
