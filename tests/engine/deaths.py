"""An engine that is killed again and again while flows run, and the proof that nothing was lost."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from engine.client.http import Client
from engine.errors import Unavailable, WingmanError
from engine.paths import Home

ROOT = Path(__file__).resolve().parents[2]
LINES = 40
FLOW = """
name: deaths
max_parallel: 4
steps:
  - {id: first, needs: [], run: 'echo "first $WINGMAN_ATTEMPT" >> ../starts-$WINGMAN_EXECUTION; for i in $(seq 40); do echo "first line $i"; sleep 0.004; done; echo n=5 >> "$WINGMAN_OUTPUT"'}
  - {id: second, needs: [], run: 'echo "second $WINGMAN_ATTEMPT" >> ../starts-$WINGMAN_EXECUTION; for i in $(seq 40); do echo "second line $i" >&2; sleep 0.002; done'}
  - {id: quick, needs: [], run: 'echo "quick $WINGMAN_ATTEMPT" >> ../starts-$WINGMAN_EXECUTION; for i in $(seq 40); do echo "quick line $i"; done'}
  - {id: third, needs: [first, quick], run: 'echo "third $WINGMAN_ATTEMPT" >> ../starts-$WINGMAN_EXECUTION; for i in $(seq 40); do echo "third line $i"; done; test ${{ steps.first.outputs.n }} = 5'}
finally:
  - {id: last, run: 'echo "last $WINGMAN_ATTEMPT" >> ../starts-$WINGMAN_EXECUTION; for i in $(seq 40); do echo "last line $i"; done'}
"""

BRISK_STEPS, BRISK_AT_ONCE = 40, 2
# short steps behind few places: most of them wait in the runner's line
BRISK_FLOW = f"name: brisk\nmax_parallel: {BRISK_AT_ONCE}\nsteps:\n" + "".join(
    f"""  - {{id: s{n}, needs: [], run: 'echo "s{n} $WINGMAN_ATTEMPT" >> ../starts-$WINGMAN_EXECUTION; echo "s{n} line 1"'}}\n"""
    for n in range(BRISK_STEPS)
)


class Deaths:
    """One home whose engine and runner die at moments drawn from a seed."""

    def __init__(self, home: Home, seed: int, flow: str = FLOW) -> None:
        self.home = home
        self.flow = flow
        self.random = random.Random(seed)
        self.client = Client(home)
        self.engine: subprocess.Popen[bytes] | None = None
        self.started: dict[str, str] = {}  # execution id by request key
        self.asked: list[str] = []
        self.kills = 0

    def start_engine(self, failpoint: str = "") -> None:
        environment = {
            **os.environ,
            "WINGMAN_HOME": self.home.text("root"),
            "PYTHONPATH": str(ROOT),
        }
        if failpoint:
            environment["WINGMAN_FAILPOINT"] = failpoint
        with open(self.home.text("system_log"), "ab") as log:
            self.engine = subprocess.Popen(
                [sys.executable, "-P", "-m", "engine.life", "--stay"],
                env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
            )  # fmt: skip

    def kill_engine(self) -> None:
        assert self.engine is not None
        self.engine.send_signal(signal.SIGKILL)
        self.engine.wait()
        self.kills += 1

    def submit(self) -> None:
        """Ask for an execution; when the answer is lost, the same key is asked for later."""
        key = f"key-{len(self.asked)}"
        self.asked.append(key)
        self.ask(key)

    def ask(self, key: str) -> None:
        request = {"text": self.flow, "source": "/deaths.yaml"}
        with contextlib.suppress(WingmanError, OSError):
            answer = self.client.request(
                "POST", "/v1/executions", request, {"Idempotency-Key": key}, timeout_s=10
            )
            assert self.started.setdefault(key, answer["id"]) == answer["id"]

    def dies_at(self, failpoint: str, text: str, source: str) -> Any:
        """Start an execution with an engine that dies there; the next one ends it."""
        request, key = {"text": text, "source": source}, {"Idempotency-Key": "k"}
        self.start_engine(failpoint)
        assert self.engine is not None
        self.runner_pid()
        with contextlib.suppress(WingmanError, OSError):  # it may die before it answers
            self.client.request("POST", "/v1/executions", request, key, timeout_s=30)
        assert self.engine.wait(60) == -9
        self.start_engine()
        self.runner_pid()
        started = self.client.request("POST", "/v1/executions", request, key, timeout_s=30)
        path = f"/v1/executions/{started['id']}?wait=true"
        return self.client.request("GET", path, timeout_s=60)

    def submit_when_up(self) -> None:
        """Ask as soon as the engine answers, unless it has died by then."""
        assert self.engine is not None
        while self.engine.poll() is None:
            with contextlib.suppress(WingmanError, OSError):
                self.client.request("GET", "/healthz", timeout_s=5)
                return self.submit()
            time.sleep(0.02)

    def runner_pid(self, timeout_s: float = 30) -> int | None:
        """The runner that takes new attempts, once the engine answers."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            try:
                status = self.client.request("GET", "/v1/engine", timeout_s=5)
            except (Unavailable, OSError):
                time.sleep(0.02)
                continue
            if status["runner_pid"]:
                return int(status["runner_pid"])
            time.sleep(0.02)
        return None

    def cycle(self, failpoint: str = "") -> None:
        """Start, submit, die at a random moment."""
        self.start_engine(failpoint)
        if self.random.random() < 0.8:  # the rest die while they start
            self.runner_pid()
            if self.random.random() < 0.7 or not self.asked:
                self.submit()
        time.sleep(self.random.random() ** 2 * 0.4)
        self.kill_engine()

    def settle(self) -> list[dict[str, Any]]:
        """A last engine that nobody kills: everything ends."""
        self.start_engine()
        return self.settle_with_engine()

    def settle_with_engine(self) -> list[dict[str, Any]]:
        """The present engine lets everything end."""
        self.runner_pid()
        for key in self.asked:
            self.ask(key)
        assert len(self.started) == len(self.asked)
        return [
            self.client.request("GET", f"/v1/executions/{id_}?wait=true", timeout_s=60)
            for id_ in self.started.values()
        ]

    # -- what must hold afterwards ---------------------------------------------------------

    def starts(self, execution_id: str) -> list[str]:
        """`step attempt` of every process that really began."""
        path = self.home.work / f"starts-{execution_id}"
        return path.read_text().splitlines() if path.exists() else []

    def log_of(self, execution_id: str, number: int, step: str) -> str:
        path = self.home.logs / execution_id / f"{number:06d}.{step}.log"
        return path.read_text() if path.exists() else ""

    def check_complete(self, found: dict[str, Any]) -> None:
        """Every step ran exactly once, and all of its lines are there."""
        assert found["state"] == "completed", found["error"]
        began = self.starts(found["id"])
        assert len(began) == len(set(began)) == 5, began
        for step in found["steps"]:
            assert step["state"] == "completed"
            assert f"{step['path']} {step['attempts']}" in began
            assert self.lines_of(found["id"], step["path"]) == expected(step["path"])
        by_path = {step["path"]: step for step in found["steps"]}
        for path, need in (("third", "first"), ("third", "quick"), ("last", "third")):
            assert by_path[path]["started_at"] >= by_path[need]["ended_at"]

    def check_brisk(self, found: dict[str, Any]) -> None:
        """As `check_complete`, of the flow whose steps wait in line: never too many at once."""
        assert found["state"] == "completed", found["error"]
        began = self.starts(found["id"])
        assert sorted(began) == sorted(f"{s['path']} {s['attempts']}" for s in found["steps"])
        spans = [(step["started_at"], step["ended_at"]) for step in found["steps"]]
        for step in found["steps"]:
            assert step["state"] == "completed"
            assert self.lines_of(found["id"], step["path"]) == [f"{step['path']} line 1"]
            others = [s for s in spans if s[0] < step["started_at"] < s[1]]
            assert len(others) < BRISK_AT_ONCE, (step, others)

    def lines_of(self, execution_id: str, step: str) -> list[str]:
        folder = self.home.logs / execution_id
        texts = [path.read_text() for path in sorted(folder.glob(f"*.{step}.log"))]
        return "".join(texts).splitlines()


def expected(step: str) -> list[str]:
    return [f"{step} line {n}" for n in range(1, LINES + 1)]
