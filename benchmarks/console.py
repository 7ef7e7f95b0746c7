"""The console on a real pty of 80x24, bytes and processor time counted from outside.

`python -m benchmarks.console [--home HOME] [--only NAME …]` fills a home with 1,000,000 executions by the
product's own journal (or takes one that is filled), and prints every figure beside its limit. What it is
compared with (a minimal Textual app, grep) is measured in the same run.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.history import fill
from benchmarks.link import Link, console
from engine.client.http import Client
from engine.client.launch import ensure_engine, stop
from engine.errors import WingmanError
from engine.paths import Home, home_at
from tests.pty.terminal import ROOT

MINIMAL = """
from textual.app import App
from textual.widgets import Static
class Minimal(App):
    def compose(self):
        yield Static("first painted")
Minimal().run()
"""
LINES = 10_000_000
# a rare error on the last screens, so that a level filter has something to show at once
WRITER = """
import sys
out, count = sys.stdout.buffer, int(sys.argv[1])
levels = ["INFO", "INFO", "INFO", "WARN", "INFO", "DEBUG", "INFO", "INFO", "INFO", "INFO"]
block = []
for n in range(count):
    level = "ERROR" if n % 100 == 7 else levels[n % 10]
    block.append(b"%s request %08d served in %d ms by worker %d, all went well\\n"
                 % (level.encode(), n, n % 97, n % 8))
    if len(block) == 10000:
        out.write(b"".join(block)); block.clear()
out.write(b"".join(block) + b"INFO this is the very end\\n")
"""
TAIL = """
import sys, time
rate, seconds = int(sys.argv[1]), float(sys.argv[2])
out, M = sys.stdout.buffer, 0xffffffff
time.sleep(2.5)
began, n = time.monotonic(), 0
while (passed := time.monotonic() - began) < seconds:
    due = int(passed * rate)
    out.write(b"".join(b"INFO line %09d of the tail %08x %08x\\n" % (i, i * 2654435761 & M, i * 39571431 & M) for i in range(n, due)))
    out.flush(); n = due
    time.sleep(0.01)
out.write(b"INFO tail ends here after %d at %.3f\\n" % (n, time.time())); out.flush()
time.sleep(30)
"""
Row = tuple[str, str, str]  # what, ours, limit
ROUNDS = 5
SPAN_S = 8.0


def percentile(values: list[float], share: float) -> float:
    """The value below which this share lies."""
    return sorted(values)[min(len(values) - 1, round(share * (len(values) - 1)))]


def end(home: Home) -> None:
    """Stop the engine of a home, if it has one."""
    with contextlib.suppress(WingmanError):
        stop(home, cancel_all=True)


@contextlib.contextmanager
def small_home() -> Iterator[Home]:
    """A home of its own with 1,000 executions, its engine ended afterwards."""
    with tempfile.TemporaryDirectory(prefix="wingman-console-") as folder:
        home = home_at(Path(folder) / "home")
        home.create()
        asyncio.run(fill(home.database, 1_000))
        try:
            yield home
        finally:
            end(home)


@contextlib.contextmanager
def load(kind: str, changes_s: int) -> Iterator[Path]:
    """An engine whose rows change so often."""
    with tempfile.TemporaryDirectory(prefix="wingman-console-") as folder:
        home = Path(folder) / "home"
        words = [sys.executable, "-m", "benchmarks.console_load", str(home), kind, str(changes_s)]
        with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            process.stdout.readline()
            try:
                yield home
            finally:
                process.kill()


# -- at rest --


def first_paint(big: Home) -> list[Row]:
    """Beside a minimal Textual app, in turns."""
    bare, ours, sizes = [], [], []
    ensure_engine(big).close()
    for _ in range(ROUNDS):
        with Link([sys.executable, "-c", MINIMAL], big.root) as link:
            bare.append(link.sees("first painted") - link.began)
        with console(big.root) as link:
            ours.append(link.sees("completed") - link.began)
            link.sees("live")
            link.settle(0.5)
            sizes.append(len(link.output))
            memory = link.memory_mb()
    base, median = statistics.median(bare), statistics.median(ours)
    return [
        ("first paint with 1 M executions", f"{median:.2f} s = {median / base:.2f}x of {base:.2f} s",
         "≤ 1.5x of a minimal Textual app"),
        ("bytes until it rests", f"{max(sizes):,}", "≤ 6,000"),
        ("resident with 1 M executions", f"{memory:.0f} MB", ""),
    ]  # fmt: skip


def idle(big: Home) -> list[Row]:
    """Nothing happens: nothing is sent, nothing is computed."""
    with console(big.root) as link:
        link.sees("live")
        link.settle(1.0)
        time.sleep(2.0)
        link.pump(0.1)
        size, cpu_s = len(link.output), link.cpu_s()
        link.pump(20.0)
        rate, share = (len(link.output) - size) / 20, (link.cpu_s() - cpu_s) / 20
    return [("idle", f"{rate:.0f} B/s, {share:.2%} CPU", "0 B/s, 0 % CPU")]


def keys(big: Home) -> list[Row]:
    """Moves in the table, at 1,000 and at 1,000,000 rows."""
    rows: list[Row] = []
    with small_home() as small:
        ensure_engine(small).close()
        for name, home in (("1 k", small), ("1 M", big)):
            with console(home.root) as link:
                link.sees("live")
                link.settle(1.0)
                found: dict[str, list[tuple[float, int]]] = {}
                rests: list[int] = []  # what is told of a row once the cursor rests on it
                for what, key, times in (("cursor", "down", 15), ("one line scrolled", "down", 40),
                                         ("page", "pagedown", 30), ("end, home", "end", 1)):  # fmt: skip
                    if what == "end, home":
                        found[what] = [link.reaction(k) for k in ("end", "home") * 5]
                    else:
                        found[what] = [_moved(link, key, rests) for _ in range(times)]
                found["one line scrolled"] = found["one line scrolled"][10:]
            limits = {"cursor": 250, "one line scrolled": 250, "page": 1_600}
            for what, seen in found.items():
                times, sizes = [ms for ms, _ in seen], [float(size) for _, size in seen]
                limit = f"≤ {limits[what]:,} B, p50 ≤ 15 ms" if what in limits else ""
                rows.append((f"{what}, {name} rows", f"{statistics.median(sizes):.0f} B (most {max(sizes):.0f}), "
                             f"p50 {statistics.median(times):.1f} ms, p99 {percentile(times, 0.99):.0f} ms", limit))  # fmt: skip
            rows.append((f"what is told where the cursor rests, {name} rows", f"at most {max(rests)} B", ""))
    return rows


def _moved(link: Link, key: str, rests: list[int]) -> tuple[float, int]:
    """The reaction to a key, and apart from it what follows once the cursor rests."""
    reaction = link.reaction(key, quiet_s=0.06)
    before = len(link.output)
    link.settle(0.25)
    rests.append(len(link.output) - before)
    return reaction


# -- under load --


def _under_load(
    link: Link, probes: int, token: str = "filter "
) -> tuple[float, float, list[float]]:
    """CPU share, bytes a second, then milliseconds to the answers of keys."""
    link.pump(1.0)
    size, cpu_s, began = len(link.output), link.cpu_s(), time.perf_counter()
    link.pump(SPAN_S)
    span = time.perf_counter() - began
    share, rate = (link.cpu_s() - cpu_s) / span, (len(link.output) - size) / span
    return share, rate, [link.probe(token) for _ in range(probes)]


def changes(_: Home) -> list[Row]:
    """Rows of the table that change, as the feed sends them."""
    rows: list[Row] = []
    for rate, limit in ((1_000, "≤ 20 %"), (10_000, "≤ 25 %")):
        with load("table", rate) as home, console(home) as link:
            link.sees("live")
            share, sent, times = _under_load(link, 40)
        rows.append((f"table, {rate:,} changes/s", f"{share:.0%} CPU, {sent / 1000:.1f} kB/s, "
                     f"key p50 {statistics.median(times):.0f}, p99 {percentile(times, 0.99):.0f} ms",
                     f"{limit}, ≤ 15 kB/s, p50 10, p99 60 ms"))  # fmt: skip
    return rows


def execution(_: Home) -> list[Row]:
    """An opened execution: its steps, the figures of the one that is selected, its log."""
    rows: list[Row] = []
    for rate, limit in ((1_000, "≤ 20 %"), (10_000, "≤ 25 %")):
        with load("all", rate) as home, console(home) as link:
            link.sees("live")
            link.settle(0.5, 3.0)
            link.write("\r")
            link.sees("of it, ")
            share, sent, times = _under_load(link, 40, "search the log")
        rows.append((f"steps, figures and log, {rate:,} changes/s", f"{share:.0%} CPU, {sent / 1000:.1f} kB/s, "
                     f"key p50 {statistics.median(times):.0f}, p99 {percentile(times, 0.99):.0f} ms",
                     f"{limit}, ≤ 15 kB/s, p50 10, p99 60 ms"))  # fmt: skip
    return rows


def slow_link(_: Home) -> list[Row]:
    """The same over 128 kbit/s with 100 ms."""
    with load("table", 1_000) as home, console(home, bytes_s=16_000, round_trip_s=0.1) as link:
        link.sees("live")
        _, sent, times = _under_load(link, 25)
        most = 0
        for _n in range(50):
            link.pump(0.1)
            most = max(most, link.backlog_bytes)
    return [("table, 1,000 changes/s over 128 kbit/s, 100 ms",
             f"key p50 {statistics.median(times):.0f}, p99 {percentile(times, 0.99):.0f} ms, "
             f"{sent / 1000:.1f} kB/s, at most {most:,} B behind",
             "p50 ≤ 200 ms, a frame behind")]  # fmt: skip


def tree(_: Home) -> list[Row]:
    """10,000 steps: shown, folded away and back, changed."""
    rows: list[Row] = []
    with load("tree", 0) as home, console(home) as link:
        link.sees("live")
        link.settle(0.5)
        link.write("\r")
        link.sees("s00")
        link.settle(0.5)
        link.press("home")
        opens = [link.reaction(" ")[0] for _ in range(6)][1::2]
    rows.append(("tree of 10,000 steps: open all", f"{statistics.median(opens):.0f} ms", "≤ 100 ms"))
    with load("tree", 1_000) as home, console(home) as link:
        link.sees("live")
        link.settle(0.5, 3.0)
        link.write("\r")
        link.sees("pending")
        share, sent, times = _under_load(link, 20, "search the log")
    rows.append(("the same, 1,000 changes/s", f"{share:.0%} CPU, {sent / 1000:.1f} kB/s, "
                 f"key p50 {statistics.median(times):.0f} ms", "≤ 20 %, ≤ 5 kB/s"))  # fmt: skip
    return rows


# -- logs --


def _run(home: Home, script: str, *words: object, wait: bool) -> str:
    """Start a flow that prints; its id."""
    path = home.root / "print.py"
    path.write_text(script)
    text = " ".join(["exec", sys.executable, str(path), *map(str, words)])
    client = ensure_engine(home)
    flow = f"name: print-{words[0]}\nsteps:\n  - id: print\n    run: {text}\n"
    started = client.request("POST", "/v1/executions", {"text": flow, "source": "/print.yaml"})
    if wait:
        _ended(client, started["id"])
    client.close()
    return str(started["id"])


def _ended(client: Client, id_: str) -> None:
    while client.request("GET", f"/v1/executions/{id_}")["state"] in ("queued", "running"):
        time.sleep(0.2)


def _open(home: Home, id_: str) -> float:
    """Seconds from the start of the console to the end of a log."""
    with console(home.root, id_) as link:
        return link.sees("very end") - link.began


def logs(_: Home) -> list[Row]:
    """A log of 10,000,000 lines beside one of 1,000."""
    with small_home() as home:
        short, long = (_run(home, WRITER, count, wait=True) for count in (1_000, LINES))
        few = statistics.median(_open(home, short) for _ in range(ROUNDS))
        many = statistics.median(_open(home, long) for _ in range(ROUNDS))
        file = next(home.logs.rglob("*.log"), None) or max(
            (path for path in home.root.rglob("*") if path.is_file()),
            key=lambda path: path.stat().st_size,
        )
        folder = max((p for p in file.parent.parent.iterdir()), key=_weight)
        began = time.perf_counter()
        subprocess.run(["grep", "-rc", "zqzqzq", str(folder)], stdout=subprocess.DEVNULL, check=False)
        grep_s = time.perf_counter() - began
        with console(home.root, long) as link:
            link.sees("very end")
            link.settle(1.0)
            levels = []
            for _n in range(5):
                levels.append(link.reaction("4")[0])
                link.press("1")
            link.press("/")
            since = len(link.output)
            began = link.write("zqzqzq\r")
            absent_s = link.sees("no match", since) - began
    return [
        ("log of 10 M lines, opened at its end", f"{many:.2f} s = {many / few:.2f}x of {few:.2f} s", "≤ 1.1x of a small log"),
        ("first screen of its errors", f"{statistics.median(levels):.0f} ms", "≤ 20 ms"),
        ("absent text searched in it", f"{absent_s:.2f} s = {absent_s / grep_s:.2f}x of {grep_s:.2f} s", "≤ 1.5x of grep"),
    ]  # fmt: skip


def _weight(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def _printed(home: Home, id_: str) -> int:
    """How many lines of the tail the log holds."""
    files = home.logs.joinpath(id_).glob("*.log")
    return sum(file.read_bytes().count(b" of the tail ") for file in files)


def tail(_: Home) -> list[Row]:
    """The end of a log that grows."""
    rows: list[Row] = []
    with small_home() as home:
        for rate in (1_000, 10_000, 100_000):
            id_ = _run(home, TAIL, rate, SPAN_S + 4, wait=False)
            with console(home.root, id_) as link:
                link.sees("of the tail")
                share, sent, times = _under_load(link, 8, "search the log")
                since = len(link.output)
                link.sees("tail ends here", since)
                seen_at = time.time()
                link.settle(0.3, 3.0)
                line = next(x for x in link.text().splitlines() if "tail ends here" in x)
            late_ms = (seen_at - float(line.split()[-1])) * 1000
            lost = int(line.split()[-3]) - _printed(home, id_)
            limit = {1_000: "≤ 20 % CPU, ≤ 15 kB/s", 10_000: "≤ 25 % CPU, ≤ 15 kB/s"}.get(
                rate, "≤ 10 % CPU, ≤ 15 kB/s, ≤ 200 ms behind, 0 lost")  # fmt: skip
            rows.append((f"tail of {rate:,} lines/s", f"{share:.0%} CPU, {sent / 1000:.1f} kB/s, "
                         f"key p50 {statistics.median(times):.0f} ms, {late_ms:.0f} ms behind, {lost:,} lines lost", limit))  # fmt: skip
            client = ensure_engine(home)
            client.request("POST", f"/v1/executions/{id_}/kill", {})
            client.close()
    return rows


FIGURES: dict[str, Callable[[Home], list[Row]]] = {
    "first_paint": first_paint, "idle": idle, "keys": keys, "changes": changes, "execution": execution,
    "slow_link": slow_link, "tree": tree, "logs": logs, "tail": tail,
}  # fmt: skip


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, help="a home with 1,000,000 executions, else one is made")
    parser.add_argument("--only", nargs="*", choices=list(FIGURES), default=list(FIGURES))
    words = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="wingman-console-") as folder:
        home = home_at(words.home or Path(folder) / "home")
        home.create()
        if words.home is None and {"first_paint", "idle", "keys"} & set(words.only):
            asyncio.run(fill(home.database, 1_000_000))
        print("| work | ours | limit |\n|---|---|---|")
        try:
            for name in words.only:
                for what, ours, limit in FIGURES[name](home):
                    print(f"| {what} | {ours} | {limit} |", flush=True)
        finally:
            end(home)


if __name__ == "__main__":
    main()
