"""What the runner costs: attempts through it beside a bare posix_spawn loop of the same program.

    python benchmarks/runner.py [--rounds 3] [--only shell,python,log]

Everything is measured in one process, interleaved, and printed as a table with ratios.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import select
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from engine.runner.frames import encode  # noqa: E402
from tests.runner.client import Bench, Client  # noqa: E402

BASH = ["bash", "-euo", "pipefail", "-c", "true"]


def bare_loop(count: int, at_once: int) -> float:
    """Attempts a second of the least that can be done: spawn, one pipe, wait."""
    program = shutil.which("bash") or "/bin/bash"
    live: dict[int, tuple[int, int]] = {}
    epoll = select.epoll()
    env = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}  # as in the specs
    started = ended = 0
    began = time.perf_counter()
    while ended < count:
        while started < count and len(live) < at_once:
            read, write = os.pipe2(os.O_CLOEXEC)
            actions = [
                (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, write, 1),
                (os.POSIX_SPAWN_DUP2, write, 2),
            ]
            pid = os.posix_spawn(program, BASH, env, file_actions=actions, setsid=True)
            os.close(write)
            pidfd = os.pidfd_open(pid)
            epoll.register(pidfd, select.EPOLLIN)
            live[pidfd] = (pid, read)
            started += 1
        for fd, _ in epoll.poll():
            pid, read = live.pop(fd)
            epoll.unregister(fd)
            os.close(fd)
            os.read(read, 100)
            os.close(read)
            os.wait4(pid, 0)
            ended += 1
    return count / (time.perf_counter() - began)


def through_runner(client: Client, specs: list[dict[str, Any]], at_once: int) -> float:
    """Attempts a second with `at_once` of them in flight, acknowledged as the engine does it."""
    waiting = iter(specs)
    done = 0
    began = time.perf_counter()
    client.start(*itertools.islice(waiting, at_once))
    while done < len(specs):
        ends = [end for message in client.receive() if message["t"] == "ends"
                for end in message["ends"]]  # fmt: skip
        if ends:
            done += len(ends)
            acknowledged = {"t": "ack", "attempts": [end["attempt"] for end in ends]}
            more = {"t": "start", "attempts": list(itertools.islice(waiting, len(ends)))}
            client.sock.sendall(encode(acknowledged) + encode(more))
    rate = len(specs) / (time.perf_counter() - began)
    bad = [end for end in client.ends.values() if end["exit_code"] != 0]
    assert not bad, bad[:1]
    client.ends.clear()
    client.messages.clear()
    client.ends_seen.clear()
    return rate


@contextlib.contextmanager
def bench() -> Iterator[tuple[Bench, Client]]:
    folder = tempfile.mkdtemp(prefix="wingman-bench-")
    made = Bench(Path(folder))
    try:
        yield made, made.client()
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)


def shell_rows(rounds: int) -> None:
    with bench() as (made, client):
        for at_once in (2, 8):
            through_runner(client, [made.shell("true") for _ in range(50)], at_once)
            pairs = []
            for _ in range(rounds):
                specs = [made.shell("true") for _ in range(500)]
                pairs.append((bare_loop(500, at_once), through_runner(client, specs, at_once)))
            bare, ours = (statistics.median(values) for values in zip(*pairs, strict=True))
            row(f"500 x bash -c true, {at_once} at once", f"{bare:.0f}/s bare", f"{ours:.0f}/s",
                ours / bare)  # fmt: skip


def python_rows(rounds: int) -> None:
    with bench() as (made, client):
        through_runner(client, [made.python(script="") for _ in range(500)], 16)
        for at_once, count in ((16, 3000), (1, 1000)):
            rates = [
                through_runner(client, [made.python(script="") for _ in range(count)], at_once)
                for _ in range(rounds)
            ]
            rate = statistics.median(rates)
            row(f"{count} warm no-op python, {at_once} at once", "", f"{rate:.0f}/s", None,
                f"{1e3 / rate:.3f} ms each")  # fmt: skip
        status = Path(f"/proc/{made.runner_pid}/status").read_text()
        row("memory of the runner", "", status.split("VmRSS:")[1].split("\n")[0].strip(), None)


def log_rows(rounds: int) -> None:
    lines = 1_000_000
    text = f"yes $(printf '%099d' 0) | head -n {lines}"
    with bench() as (made, client):
        pairs = []
        for _ in range(rounds):
            file = made.home.work / "redirect"
            direct = timed(lambda f=file: subprocess.run(["bash", "-c", f"({text}) > {f}"]))  # type: ignore[misc]
            file.unlink()
            spec = made.shell(text, shell=["bash"])
            pairs.append((direct, timed(lambda s=spec: client.run(s))))  # type: ignore[misc]
            assert len(made.log(spec)) == lines * 100
        direct, ours = (lines / statistics.median(values) for values in zip(*pairs, strict=True))
        row("1 M lines of 100 bytes", f"{direct / 1e6:.2f} M/s > file", f"{ours / 1e6:.2f} M/s",
            ours / direct)  # fmt: skip
        status = Path(f"/proc/{made.runner_pid}/status").read_text()
        row(
            "memory of the runner after it",
            "",
            status.split("VmHWM:")[1].split("\n")[0].strip(),
            None,
        )


def timed(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def row(what: str, limit: str, ours: str, ratio: float | None, note: str = "") -> None:
    shown = f"{ratio:.2f}" if ratio is not None else note
    print(f"{what:<42}{limit:>18}{ours:>14}{shown:>16}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="shell,python,log")
    arguments = parser.parse_args()
    row("what", "limit", "ours", None, "ratio")
    for name in arguments.only.split(","):
        {"shell": shell_rows, "python": python_rows, "log": log_rows}[name](arguments.rounds)


if __name__ == "__main__":
    main()
