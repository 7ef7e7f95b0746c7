"""The engine through its own client: start it in the test's home, run flows by their text."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import Any

from engine.client.http import Client
from engine.client.launch import ensure_engine, is_alive, stop
from engine.paths import Home

PATIENCE_S = 60.0


class Engine:
    """One home's engine, asked over its socket."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.client: Client = ensure_engine(home)

    @property
    def status(self) -> dict[str, Any]:
        return dict(self.get("/v1/engine"))

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        pid = self.status["pid"]
        os.kill(pid, signal.SIGKILL)
        # its threads may outlive the main one, and hold the socket, for a moment
        until(lambda: not (is_alive(pid) or os.path.exists(f"/proc/{pid}")))
        self.client.close()

    def stop(self, *, all: bool = False) -> None:
        stop(self.home, all)
        self.client.close()

    def begin(self) -> None:
        """Another engine on the same home, where the last one has ended."""
        self.client = ensure_engine(self.home)

    def get(self, path: str) -> Any:
        return self.client.request("GET", path)

    def post(self, path: str, body: dict[str, Any] | None = None, **headers: str) -> Any:
        return self.client.request("POST", path, body or {}, headers or None)

    def start(self, text: str, **request: Any) -> dict[str, Any]:
        return dict(self.post("/v1/executions", {"text": text, "source": "/f.yaml", **request}))

    def run(self, text: str, **request: Any) -> dict[str, Any]:
        """Start a flow and wait for its end."""
        return self.ended(self.start(text, **request)["id"])

    def ended(self, reference: str) -> dict[str, Any]:
        return dict(
            self.client.request(
                "GET", f"/v1/executions/{reference}?wait=true", timeout_s=PATIENCE_S
            )
        )

    def show(self, reference: str) -> dict[str, Any]:
        return dict(self.get(f"/v1/executions/{reference}"))

    def act(self, reference: str, verb: str, **body: Any) -> dict[str, Any]:
        return dict(self.post(f"/v1/executions/{reference}/{verb}", body))

    def log(self, reference: str, query: str = "") -> str:
        parts = self.client.stream("GET", f"/v1/executions/{reference}/logs?{query}")
        return b"".join(parts).decode()

    def until(self, reference: str, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The execution once a condition holds."""
        deadline = time.monotonic() + PATIENCE_S
        while not holds(found := self.show(reference)):
            assert time.monotonic() < deadline, found
            time.sleep(0.01)
        return found


def until(holds: Callable[[], Any], what: str = "") -> Any:
    """What a condition gives once it holds."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := holds()):
        assert time.monotonic() < deadline, what
        time.sleep(0.01)
    return found


def states(execution: dict[str, Any]) -> dict[str, str]:
    return {step["path"]: step["state"] for step in execution["steps"]}


def step_of(execution: dict[str, Any], path: str) -> dict[str, Any]:
    return next(dict(step) for step in execution["steps"] if step["path"] == path)
