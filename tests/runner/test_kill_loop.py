"""The crash protocol, driven at random: connections are cut and runners killed at any moment.

A small engine with a journal of its own (a dict) starts attempts, loses its connection, dies with
all it has read, comes back with a newer epoch, and sees its runners killed. Whatever happens, each
attempt's process starts at most once, each end is recorded once and is true, and what has no end is
`interrupted` with nothing of it alive.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from engine.runner.results import read_results
from engine.runner.sweep import kill_marked
from tests.runner.client import Bench, Client, wait_until

ATTEMPTS = 60
# before a release: WINGMAN_KILL_SEEDS=5-200
FIRST, LAST = map(int, os.environ.get("WINGMAN_KILL_SEEDS", "1-4").split("-"))
SEEDS = range(FIRST, LAST + 1)
PATIENCE_S = 0.02


class Engine:
    """Decides, records, acts; and forgets everything but its journal when it is killed."""

    def __init__(self, root: Path, seed: int) -> None:
        self.root = root
        self.chance = random.Random(seed)
        self.moments = random.Random(seed)  # its own: what dies when follows from the seed alone
        self.generation = 0
        self.epoch = 0
        self.bench = self.new_generation()
        self.client: Client | None = None
        self.specs: dict[str, dict[str, Any]] = {}
        self.owner: dict[str, str] = {}  # attempt.starting(attempt, G), committed
        self.final: dict[str, dict[str, Any]] = {}  # committed ends
        self.told: dict[str, int] = {}  # how often an end was told before it was final
        self.cuts = self.kills = 0

    def new_generation(self) -> Bench:
        self.generation += 1
        return Bench(self.root, generation=f"g{self.generation}")

    def make_spec(self, n: int) -> dict[str, Any]:
        spawned = self.root / "spawned"
        pause = self.chance.choice(["", "sleep 0.05;", "sleep 0.3;", "setsid -f sleep 0.2;"])
        code = n % 7
        if n % 3 == 0:
            text = (
                f"import os, sys, time\nwith open({str(spawned)!r}, 'a') as f: f.write('{n}\\n')\n"
                f"time.sleep({self.chance.choice([0, 0.05, 0.2])})\n"
                f"print('out {n}')\nsys.exit({code})"
            )
            return self.bench.python(script=text, number=n, attempt=f"x:{n}", **self.line(n))
        text = f"echo {n} >> {spawned}; {pause} echo out {n}; exit {code}"
        return self.bench.shell(text, number=n, attempt=f"x:{n}", **self.line(n))

    def line(self, n: int) -> dict[str, Any]:
        """Most wait in line for one of a few places."""
        return {"at_most": 1 + n % 4} if n % 5 else {}

    # -- living --

    def start(self, n: int) -> None:
        spec = self.make_spec(n)
        name = spec["attempt"]
        self.specs[name] = spec
        self.owner[name] = self.bench.generation
        self.talk(lambda client: client.start(spec))

    def talk(self, act: Any) -> None:
        if self.client is None:
            self.connect()
        with contextlib.suppress(OSError, AssertionError):
            if self.client is not None:
                act(self.client)
                return
        self.client = None

    def connect(self) -> None:
        """Connect to the living generation and settle what is open; or account for a dead one."""
        self.epoch += 1
        try:
            self.client = self.bench.client(self.epoch)
        except (OSError, AssertionError):
            self.client = None
            wait_until(self.bench.is_dead)
            self.account_for_the_dead()
            return
        known = {*self.client.welcome["running"], *self.client.welcome["ended"]}
        for name in self.open():
            if name not in known:  # free to start: nobody else may
                self.client.start(self.specs[name])

    def open(self) -> list[str]:
        return [name for name in self.owner if name not in self.final]

    def take_in(self) -> None:
        """Commit the ends that have come, then acknowledge them; or be killed in between."""
        if self.client is None:
            self.connect()
        client = self.client
        if client is None:
            return
        client.sock.settimeout(PATIENCE_S)
        with contextlib.suppress(TimeoutError):
            client.receive()
        client.sock.settimeout(60)
        for name, end in list(client.ends.items()):
            self.told[name] = self.told.get(name, 0) + 1
            self.commit(name, end)
            if self.chance.random() < 0.8:
                with contextlib.suppress(OSError):
                    client.ack(name)
                del client.ends[name]
        if client.closed:
            self.client = None

    def commit(self, name: str, end: dict[str, Any]) -> None:
        if name in self.final:
            assert self.final[name] == end, "an attempt has two different ends"
        self.final[name] = end

    # -- dying --

    def cut(self) -> None:
        self.cuts += 1
        if self.client is not None:
            self.client.close()
            self.client = None

    def kill_runner(self) -> None:
        self.kills += 1
        time.sleep(self.moments.choice([0, 0, 0.001, 0.005, 0.03]))
        os.kill(self.bench.runner_pid, signal.SIGKILL)
        wait_until(self.bench.is_dead)
        self.cut()
        self.account_for_the_dead()

    def account_for_the_dead(self) -> None:
        """Read the dead generation's results: ends, interrupted ones, and what never began."""
        began: dict[str, int] = {}
        for record in read_results(self.bench.folder):
            if record["k"] == "begin":
                began[record["attempt"]] = record["marker"]
            elif record["k"] == "end":
                self.commit(record["end"]["attempt"], record["end"])
        lost = [name for name in self.open() if name in began]
        assert not any(kill_marked([began[name] for name in lost]).values())
        for name in lost:
            self.final[name] = {"attempt": name, "outcome": "interrupted"}
        self.bench = self.new_generation()
        for name in self.open():  # never began: free to start elsewhere
            self.owner[name] = self.bench.generation


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_dies_attempts_start_once_and_end_truthfully(tmp_path: Path, seed: int) -> None:
    engine = Engine(tmp_path, seed)
    try:
        for n in range(1, ATTEMPTS + 1):
            engine.start(n)
            moment = engine.moments.random()
            if moment < 0.15:
                engine.cut()
            elif moment < 0.21:
                engine.kill_runner()
            elif moment < 0.7:
                engine.take_in()
        wait_until(lambda: not (engine.take_in() or engine.open()))
        check(engine)
    finally:
        engine.bench.stop()
    assert engine.cuts > 3
    assert engine.kills > 0


def check(engine: Engine) -> None:
    spawned = (engine.root / "spawned").read_text().split()
    assert len(spawned) == len(set(spawned)), "an attempt's process was started twice"
    interrupted = 0
    for n in range(1, ATTEMPTS + 1):
        end = engine.final[f"x:{n}"]
        if end["outcome"] == "interrupted":
            interrupted += 1
            continue
        assert (end["outcome"], end["exit_code"]) == ("exited", n % 7)
        assert str(n) in spawned
        assert engine.bench.log(engine.specs[f"x:{n}"]) == b"out %d\n" % n
    assert interrupted < ATTEMPTS - 10
