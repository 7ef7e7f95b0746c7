"""Many attached consoles on one server while steps change: `python -m benchmarks.consoles`.

Real feed clients (`engine.client.feed`) over TLS and WebSocket, in a few processes, look at lists, trees
and logs of executions whose steps start and end a hundred times a second. Told are the time from a
change to each client that looks at it, the engine's memory, and how long the same executions take with
nobody looking, with everybody, and again with nobody. The clients share the machine with the server: they
stand behind it (nice), as they would at other machines.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.idle import memory_mb, ticks
from engine.client.http import Client
from engine.client.launch import stop
from engine.client.servers import Server
from engine.paths import Home, home_at

ROOT = Path(__file__).resolve().parent.parent
PROCESSES = 4
EXECUTIONS = 5  # side by side
NAP_S = 0.085  # of a step: with what starting it takes, ten a second one after the other
NICE = 10
SETTLE_S = 2.0
COMING_S = 6.0  # until all consoles are there


def chain(name: str, seconds: float) -> str:
    """A flow that starts ten steps a second and ends as many, one after the other."""
    steps = "".join(
        f"  - {{id: s{n}, run: 'echo line {n}; sleep {NAP_S}'}}\n" for n in range(int(seconds * 10))
    )
    return f"name: {name}\nsteps:\n{steps}"


# -- one process of clients --


class Looker:
    """One console: what it sees, and when."""

    def __init__(self, home: Home, ids: list[str], number: int) -> None:
        from engine.client.feed import Feed

        self.feed = Feed(home.text("socket"), self._told)
        self.seen: list[tuple[float, str, int, str]] = []  # when, which execution, how many, where
        self.frames = 0
        self.lost = -1
        self._ended: dict[str, int] = {}
        self._watched = ids[number % len(ids)]
        self.feed.open({"window": "flows"}, self._count)
        self.feed.open({"window": "executions", "limit": 60}, self._list)
        if number % 2:  # half of them look into one execution
            self.feed.open({"window": "execution", "ref": self._watched}, self._tree)
            log = {"window": "log", "ref": self._watched, "limit": 200, "burst": 60}
            self.feed.open(log, self._count)

    def _told(self, live: bool, why: str) -> None:
        self.lost += live

    def _count(self, frame: dict[str, Any]) -> None:
        self.frames += 1

    def _list(self, frame: dict[str, Any]) -> None:
        self.frames += 1
        now = time.time()
        for row in frame.get("rows", ()):
            self.seen.append((now, row["id"], row["progress"]["ended"], "list"))

    def _tree(self, frame: dict[str, Any]) -> None:
        self.frames += 1
        ended = sum(step["state"] == "completed" for step in frame.get("steps", ()))
        done = self._ended.get(self._watched, 0) + ended
        self._ended[self._watched] = done
        self.seen.append((time.time(), self._watched, done, "tree"))


async def look(home: Home, count: int, ids: list[str]) -> None:
    """Hold `count` consoles open until standard input tells when each step ended."""
    lookers = [Looker(home, ids, number) for number in range(count)]
    running = []
    for looker in lookers:
        running.append(asyncio.ensure_future(looker.feed.run()))
        await asyncio.sleep(0.02)
    while not all(looker.feed.is_live for looker in lookers):  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    print("ready", flush=True)
    ends: dict[str, list[float]] = json.loads(await asyncio.to_thread(sys.stdin.readline))
    for task in running:
        task.cancel()
    found: dict[str, list[float]] = {"list": [], "tree": []}
    for looker in lookers:
        for where, delays in found.items():
            delays += delays_of([row for row in looker.seen if row[3] == where], ends)
    frames = sum(looker.frames for looker in lookers)
    print(json.dumps({"delays": found, "frames": frames, "lost": sum(x.lost for x in lookers)}))


def delays_of(
    seen: list[tuple[float, str, int, str]], ends: dict[str, list[float]]
) -> Iterator[float]:
    """Seconds from the end of each step to the first frame that counts it."""
    known: dict[str, int] = {}
    for at, id_, ended, _ in seen:
        before = known.get(id_)
        known[id_] = max(ended, before or 0)
        if before is not None and id_ in ends:  # what was there when it came, came with it
            yield from (at - moment for moment in ends[id_][before:ended])


# -- the whole --


class Served:
    """A server on a port of its own, with a token for its clients."""

    def __init__(self, root: Path) -> None:
        self.home = home_at(root / "server")
        self.home.create()
        self.environment = {
            **os.environ,
            "WINGMAN_HOME": str(self.home.root),
            "PYTHONPATH": str(ROOT),
        }
        self.environment.pop("WINGMAN_SERVER", None)
        self._wingman("user", "set", "anna", "--role", "viewer")
        self.token = self._wingman("token", "create", "anna").strip()
        self._log = (root / "log").open("wb")
        subprocess.Popen(
            [sys.executable, "-m", "engine.cli.main", "serve", "--port", "0"],
            env=self.environment, stdout=self._log, stderr=self._log,
        )  # fmt: skip
        while "listening on" not in (text := (root / "log").read_text()):
            time.sleep(0.1)
        self.url = "https://" + text.partition("https://")[2].partition(" ")[0]
        self.client = Client(self.home)
        self.pid = int(self.client.request("GET", "/v1/engine")["pid"])

    def _wingman(self, *words: str) -> str:
        return subprocess.run(
            [sys.executable, "-m", "engine.cli.main", *words],
            env=self.environment, check=True, stdout=subprocess.PIPE, text=True,
        ).stdout  # fmt: skip

    def client_home(self, root: Path) -> Home:
        """The home of somebody far away who has pinned this server."""
        home = home_at(root)
        home.create()
        look = Server("s", {"url": self.url, "token": self.token}).tls()
        pinned = base64.b64encode(look.look()).decode()
        (home.root / "servers.toml").write_text(
            f'[s]\nurl = "{self.url}"\ntoken = "{self.token}"\ncertificate = "{pinned}"\n'
        )
        (home.root / "servers.toml").chmod(0o600)
        return home

    def execute(self, seconds: float) -> list[str]:
        """Start the load; its executions."""
        return [
            self.client.request(
                "POST", "/v1/executions",
                {"text": chain(f"chain-{n}", seconds), "source": f"/chain-{n}.yaml"},
            )["id"]
            for n in range(EXECUTIONS)
        ]  # fmt: skip

    def ended(self, ids: list[str]) -> list[dict[str, Any]]:
        """The executions once they have ended."""
        return [
            self.client.request("GET", f"/v1/executions/{id_}?wait=true", timeout_s=None)
            for id_ in ids
        ]


def unix(text: str) -> float:
    """A time of the API in seconds."""
    return datetime.fromisoformat(text).timestamp()


def took(found: list[dict[str, Any]]) -> float:
    """How long executions took, on average."""
    return statistics.mean(one["duration_ms"] for one in found) / 1000


def lookers(home: Home, count: int, ids: list[str]) -> list[subprocess.Popen[str]]:
    """The processes of clients, each with its share of the consoles."""
    words = [sys.executable, "-m", "benchmarks.consoles", "--look", json.dumps(ids), "--consoles"]
    environment = {
        **os.environ, "WINGMAN_HOME": str(home.root), "WINGMAN_SERVER": "s", "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    found = [
        subprocess.Popen(
            [*words, str(count // PROCESSES)], env=environment, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True,
        )
        for _ in range(PROCESSES)
    ]  # fmt: skip
    for process in found:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    return found


def watched(served: Served, home: Home, count: int, seconds: float) -> dict[str, Any]:
    """The load with everybody looking: delays, memory, times."""
    ids = served.execute(seconds + COMING_S)
    processes = lookers(home, count, ids)
    time.sleep(SETTLE_S)
    before, began, most = ticks(served.pid), time.time(), 0.0
    while time.time() < began + seconds:
        most = max(most, memory_mb(served.pid, "Rss"))
        time.sleep(0.5)
    cpu = (ticks(served.pid) - before) / 100 / (time.time() - began)
    found = served.ended(ids)
    ends = {one["id"]: sorted(unix(step["ended_at"]) for step in one["steps"]) for one in found}
    time.sleep(SETTLE_S)
    answers = []
    for process in processes:
        answer, _ = process.communicate(json.dumps(ends) + "\n")
        answers.append(json.loads(answer))
    return {"found": found, "answers": answers, "memory": most, "cpu": cpu}


def report(result: dict[str, Any], quiet_s: list[float], count: int, seconds: float) -> None:
    """The table."""
    answers = result["answers"]
    print(f"| {count} consoles | ours | limit | ratio |\n| --- | --- | --- | --- |")
    for where in ("list", "tree"):
        delays = sorted(one * 1000 for answer in answers for one in answer["delays"][where])
        p50, p99 = (delays[min(len(delays) - 1, int(len(delays) * share))] for share in (0.5, 0.99))
        print(
            f"| a step's end to the client, {where} ({len(delays):,} seen) "
            f"| p50 {p50:.0f}, p99 {p99:.0f} ms | p99 < 500 ms | {p99 / 500:.2f} |"
        )
    print(
        f"| the engine's memory, the most | {result['memory']:.0f} MB | < 300 MB | {result['memory'] / 300:.2f} |"
    )
    seen_s, alone_s = took(result["found"]), statistics.mean(quiet_s)
    print(f"| an execution, nobody looking | {', '.join(f'{one:.2f}' for one in quiet_s)} s | | |")
    print(f"| the same, everybody looking | {seen_s:.2f} s | ≤ 1.05 x | {seen_s / alone_s:.3f} |")
    changes = sum(2 * len(one["steps"]) for one in result["found"]) / seen_s
    frames = sum(answer["frames"] for answer in answers)
    lost = sum(answer["lost"] for answer in answers)
    print(f"| step changes a second | {changes:.0f} | ≥ 100 | |")
    print(f"| the engine's processor time | {result['cpu'] * 100:.0f} % of a core | | |")
    print(f"\n{frames:,} frames, {lost} connections lost; load {os.getloadavg()[0]:.1f}")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--consoles", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=8.0, help="how long to look")
    parser.add_argument("--look", default="", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.look:
        os.nice(NICE)
        home = home_at(os.environ["WINGMAN_HOME"])
        asyncio.run(look(home, arguments.consoles, json.loads(arguments.look)))
        return
    with (
        tempfile.TemporaryDirectory(prefix="wingman-consoles-") as folder,
        contextlib.ExitStack() as stack,
    ):
        served = Served(Path(folder))
        stack.callback(stop, served.home, cancel_all=True)
        home = served.client_home(Path(folder, "client"))
        length_s = arguments.seconds + COMING_S
        quiet_s = [took(served.ended(served.execute(length_s)))]
        result = watched(served, home, arguments.consoles, arguments.seconds)
        quiet_s.append(took(served.ended(served.execute(length_s))))
        report(result, quiet_s, arguments.consoles, arguments.seconds)


if __name__ == "__main__":
    main()
