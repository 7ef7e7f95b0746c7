"""Steps and flows through the whole engine, beside the bare loop and huey.

`python -m benchmarks.engine`: every figure of one table comes from one run, interleaved, `--rounds`
times; medians are printed. Beside each: the processor time that engine and runner took for one
step, which tells more than the clock where others use the machine. The journal is synced as in production. huey is installed into a folder
of its own when pip can reach it; it keeps no history and never syncs.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import select
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from engine.base_env import ENVIRONMENT_PASSED
from engine.client.http import Client
from engine.client.launch import ensure_engine, stop
from engine.paths import home_at

BASH = ["/usr/bin/bash", "-euo", "pipefail", "-c", "true"]
MODULE = "def nothing():\n    return None\n"


def bare_loop(n: int, at_once: int, env: dict[str, str]) -> float:
    """Steps a second of the smallest loop that captures output: posix_spawn, a pipe, a pidfd."""
    live: dict[int, tuple[int, int]] = {}
    epoll, started, ended = select.epoll(), 0, 0
    began = time.perf_counter()
    while ended < n:
        while started < n and len(live) < at_once:
            readable, writable = os.pipe2(os.O_CLOEXEC)
            pid = os.posix_spawn(
                BASH[0], BASH, env, setsid=True,
                file_actions=[(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                              (os.POSIX_SPAWN_DUP2, writable, 1), (os.POSIX_SPAWN_DUP2, writable, 2)],
            )  # fmt: skip
            os.close(writable)
            pidfd = os.pidfd_open(pid)
            epoll.register(pidfd, select.EPOLLIN)
            live[pidfd] = (pid, readable)
            started += 1
        for pidfd, _ in epoll.poll():
            pid, readable = live.pop(pidfd)
            epoll.unregister(pidfd)
            os.close(pidfd)
            os.read(readable, 65536)
            os.close(readable)
            os.wait4(pid, 0)
            ended += 1
    return n / (time.perf_counter() - began)


def step_environment() -> dict[str, str]:
    """What a step gets, so that the loop runs the same: for a LANG bash loads a locale's 12 files.

    That is a fifth of its life.
    """
    return {name: os.environ[name] for name in ENVIRONMENT_PASSED if name in os.environ}


def execute(client: Client, root: Path, text: str) -> tuple[float, dict[str, Any]]:
    """Start a flow, wait for its end; seconds from the request to the answer, and the execution."""
    began = time.perf_counter()
    request = {"text": text, "source": str(root / "bench.yaml")}
    started = client.request("POST", "/v1/executions", request)
    found = client.request("GET", f"/v1/executions/{started['id']}?wait=true")
    assert found["state"] == "completed", found["error"]
    return time.perf_counter() - began, found


def shell_flow(n: int, at_once: int) -> str:
    steps = "".join(f"  - {{id: s{i}, needs: [], run: 'true'}}\n" for i in range(n))
    return f"name: shell-{at_once}\nmax_parallel: {at_once}\nsteps:\n{steps}"


def python_flow(n: int, at_once: int | None) -> str:
    """A chain of warm Python steps, or a fan-out of them."""
    needs = "" if at_once is None else "needs: [], "
    steps = "".join(
        f"  - {{id: s{i}, {needs}python: {{call: 'bench_steps:nothing'}}}}\n" for i in range(n)
    )
    head = "name: chain\n" if at_once is None else f"name: fan\nmax_parallel: {at_once}\n"
    return f"{head}steps:\n{steps}"


def many_flows(root: Path, n: int, clients: int = 16) -> dict[str, float]:
    """`n` flows of one warm Python step, submitted at once over HTTP."""
    home = home_at(root)
    request = {"text": "name: one\nsteps:\n  - {id: s, python: {call: 'bench_steps:nothing'}}\n",
               "source": str(root / "bench.yaml")}  # fmt: skip

    def submit(count: int) -> list[tuple[str, float]]:
        client = Client(home)
        found = []
        for _ in range(count):
            sent = time.time()
            found.append((client.request("POST", "/v1/executions", request)["id"], sent))
        return found

    began = time.time()
    with ThreadPoolExecutor(clients) as pool:
        parts = list(pool.map(submit, [n // clients + (i < n % clients) for i in range(clients)]))
    client = Client(home)
    delays, last = [], began
    for execution_id, sent in [item for part in parts for item in part]:
        found = client.request("GET", f"/v1/executions/{execution_id}?wait=true")
        assert found["state"] == "completed", found["error"]
        delays.append((unix(found["steps"][0]["started_at"]) - sent) * 1000)
        last = max(last, unix(found["ended_at"]))
    span = last - began  # by the engine's own times: asking for them is not part of the work
    delays.sort()
    return {"flows_s": n / span, "p50_ms": delays[n // 2], "p99_ms": delays[int(n * 0.99)]}


def idle_submit(client: Client, root: Path) -> float:
    """Milliseconds from a request to the start of its step, one at a time, median of 50."""
    delays = []
    for _ in range(50):
        sent = time.time()
        _, found = execute(client, root, python_flow(1, None))
        delays.append((unix(found["steps"][0]["started_at"]) - sent) * 1000)
    return statistics.median(delays)


class Meter:
    """The processor time of the engine and its runner, for each figure."""

    def __init__(self, client: Client) -> None:
        status = client.request("GET", "/v1/engine")
        self._pids = (status["pid"], status["runner_pid"])

    def measure(self, found: dict[str, float], name: str, steps: int, work: Callable[[], float]) -> None:
        """Do the work; note its figure, and microseconds of both for one step."""
        before = [cpu_us(pid) for pid in self._pids]
        found[name] = work()
        engine, runner = (cpu_us(pid) - was for pid, was in zip(self._pids, before, strict=True))
        found[f"{name}_engine_us"], found[f"{name}_runner_us"] = engine / steps, runner / steps


def cpu_us(pid: int) -> float:
    """What all threads of a process have used, in microseconds."""
    used_ns = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):  # it has ended meanwhile
            used_ns += int((thread / "schedstat").read_text().split()[0])
    return used_ns / 1000


def unix(text: str) -> float:
    from engine.times import from_text

    return from_text(text) / 1e6


HUEY = """
import sys, time, json, os
sys.path.insert(0, sys.argv[1])
from huey import SqliteHuey
import subprocess, threading
path = sys.argv[2]
h = SqliteHuey('b', filename=path)
@h.task()
def nothing(): return 1
@h.task()
def shell(): return len(subprocess.run(%r, capture_output=True).stdout)
from huey.consumer import Consumer
def run(task, n, workers):
    c = Consumer(h, workers=workers, periodic=False, initial_delay=0.001, max_delay=0.002, backoff=1.0); c.start()
    t = time.perf_counter(); rs = [task() for _ in range(n)]
    for r in rs: r.get(blocking=True, backoff=1.0, max_delay=0.001)
    d = time.perf_counter() - t; c.stop(graceful=True); return n / d
print(json.dumps({'shell2': run(shell, 500, 2), 'shell8': run(shell, 500, 8), 'fan': run(nothing, 1000, 16), 'flows': run(nothing, 500, 8)}))
""" % (BASH,)  # noqa: UP031 (braces all over)


def huey_figures(folder: Path) -> dict[str, float]:
    """huey in a process of its own; empty when it cannot be installed here."""
    site = folder / "huey-site"
    if not site.exists():
        command = [sys.executable, "-m", "pip", "install", "-q", "--target", str(site), "huey"]
        if subprocess.run(command, capture_output=True).returncode:
            return {}
    done = subprocess.run(
        [sys.executable, "-c", HUEY, str(site), str(folder / f"huey-{time.time_ns()}.db")],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    if done.returncode:
        print("# huey:", done.stderr.strip().splitlines()[-1:])
        return {}
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def one_round(client: Client, root: Path, peers: Path | None) -> dict[str, float]:
    """Every figure once, ours and theirs in turn."""
    found: dict[str, float] = {}
    meter = Meter(client)

    def seconds(text: str) -> float:
        return execute(client, root, text)[0]

    for at_once in (2, 8):
        found[f"bare{at_once}"] = bare_loop(500, at_once, {"PATH": os.environ["PATH"]})
        found[f"same{at_once}"] = bare_loop(500, at_once, step_environment())
        text = shell_flow(500, at_once)
        meter.measure(found, f"shell{at_once}", 500, lambda text=text: 500 / seconds(text))  # type: ignore[misc]
    seconds(python_flow(20, None))
    meter.measure(found, "chain_ms", 200, lambda: seconds(python_flow(200, None)) / 200 * 1000)
    seconds(python_flow(1000, 16))
    meter.measure(found, "fan", 1000, lambda: 1000 / seconds(python_flow(1000, 16)))
    many: dict[str, float] = {}

    def flows() -> float:
        many.update(many_flows(root, 500))
        return many["flows_s"]

    meter.measure(found, "flows", 500, flows)
    found |= {f"many_{key}": value for key, value in many.items()}
    found["idle_ms"] = idle_submit(client, root)
    if peers is not None:
        found |= {f"huey_{key}": value for key, value in huey_figures(peers).items()}
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-peers", action="store_true")
    arguments = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="wingman-bench-"))
    (root / "bench_steps.py").write_text(MODULE)
    home = home_at(root)
    client = ensure_engine(home)
    try:
        peers = None if arguments.no_peers else root
        one_round(client, root, None)  # workers warm, files compiled
        rounds = [one_round(client, root, peers) for _ in range(arguments.rounds)]
        report({key: statistics.median(r[key] for r in rounds if key in r) for key in rounds[0]})
    finally:
        stop(home, cancel_all=True)
        shutil.rmtree(root, ignore_errors=True)


def report(m: dict[str, float]) -> None:
    def row(name: str, ours: str, limit: str, ratio: str, huey: str, key: str = "") -> None:
        used = f"{m[f'{key}_engine_us']:.0f} + {m[f'{key}_runner_us']:.0f} µs" if key else ""
        print(f"| {name} | {ours} | {limit} | {ratio} | {used} | {huey} |")

    def peer(key: str) -> str:
        return f"{m['huey_' + key]:.0f}/s" if f"huey_{key}" in m else "not here"

    print("| work | ours | limit | ratio | CPU a step, engine + runner | huey (no history, never synced) |")
    print("| --- | --- | --- | --- | --- | --- |")
    for n in (2, 8):
        row(f"500 shell steps, {n} at once", f"{m[f'shell{n}']:.0f}/s", f"bare loop {m[f'same{n}']:.0f}/s",
            f"{m[f'shell{n}'] / m[f'same{n}']:.2f}", peer(f"shell{n}"), f"shell{n}")  # fmt: skip
        row("the same, the loop's environment PATH alone", "", f"bare loop {m[f'bare{n}']:.0f}/s",
            f"{m[f'shell{n}'] / m[f'bare{n}']:.2f}", "")  # fmt: skip
    row(
        "chain of 200 warm Python steps",
        f"{m['chain_ms']:.2f} ms a step",
        "≤ 1.5 ms",
        f"{m['chain_ms'] / 1.5:.2f}",
        "",
        "chain_ms",
    )
    row(
        "fan-out of 1,000 warm Python steps, 16 at once",
        f"{m['fan']:.0f}/s",
        "≥ 2,000/s",
        f"{m['fan'] / 2000:.2f}",
        peer("fan"),
        "fan",
    )
    row("500 flows of one warm Python step over HTTP", f"{m['many_flows_s']:.0f}/s", "≥ 1,000/s",
        f"{m['many_flows_s'] / 1000:.2f}", peer("flows"), "flows")  # fmt: skip
    row(
        "submit to started, those 500",
        f"p50 {m['many_p50_ms']:.1f}, p99 {m['many_p99_ms']:.1f} ms",
        "p99 ≤ 200 ms",
        f"{m['many_p99_ms'] / 200:.2f}",
        "",
    )
    row(
        "submit to started, idle",
        f"p50 {m['idle_ms']:.2f} ms",
        "≤ 3 ms",
        f"{m['idle_ms'] / 3:.2f}",
        "",
    )


if __name__ == "__main__":
    main()
