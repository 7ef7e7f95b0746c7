"""A stand-in for the engine: speaks the runner's protocol over a blocking socket."""

from __future__ import annotations

import itertools
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.paths import Home, home_at
from engine.runner import launch
from engine.runner.frames import Decoder, encode

WAIT_S = 60.0
FRAME_BYTES = 1 << 18


class Client:
    """One connection to a runner, and everything that it has said."""

    def __init__(self, home: Home, generation: str, epoch: int = 1, greet: bool = True) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(WAIT_S)
        self.sock.connect(str(launch.runner_socket(home, generation)))
        self.decoder = Decoder()
        self.messages: list[dict[str, Any]] = []
        self.began: dict[str, dict[str, Any]] = {}
        self.ends: dict[str, dict[str, Any]] = {}
        self.ends_seen: list[str] = []
        self.welcome: dict[str, Any] = {}
        self.closed = False
        if greet:
            self.send(t="hello", epoch=epoch)
            self.wait_for(lambda: bool(self.welcome))

    def send(self, **message: Any) -> None:
        self.sock.sendall(encode(message))

    def start(self, *specs: dict[str, Any]) -> None:
        self.send(t="start", attempts=list(specs))

    def cancel(self, attempt: str, mode: str = "term", reason: str = "cancelled") -> None:
        self.send(t="cancel", attempt=attempt, mode=mode, reason=reason)

    def ack(self, *attempts: str) -> None:
        self.send(t="ack", attempts=list(attempts))

    def receive(self) -> list[dict[str, Any]]:
        """Take in what comes next; sets `closed` at the end of the connection."""
        try:
            data = self.sock.recv(FRAME_BYTES)
        except ConnectionResetError:
            data = b""
        if not data:
            self.closed = True
        messages = self.decoder.feed(data)
        for message in messages:
            self._note(message)
        return messages

    def _note(self, message: dict[str, Any]) -> None:
        self.messages.append(message)
        if message["t"] == "welcome":
            self.welcome = message
        elif message["t"] == "began":
            self.began.update({row["attempt"]: row for row in message["attempts"]})
        elif message["t"] == "ends":
            for end in message["ends"]:
                self.ends[end["attempt"]] = end
                self.ends_seen.append(end["attempt"])

    def wait_for(self, condition: Callable[[], bool], timeout_s: float = WAIT_S) -> None:
        deadline = time.monotonic() + timeout_s
        while not condition():
            if self.closed or time.monotonic() > deadline:
                raise AssertionError(f"not reached; closed={self.closed}, {self.messages[-3:]}")
            self.receive()

    def end_of(self, attempt: str) -> dict[str, Any]:
        self.wait_for(lambda: attempt in self.ends)
        return self.ends[attempt]

    def began_of(self, attempt: str) -> dict[str, Any]:
        self.wait_for(lambda: attempt in self.began)
        return self.began[attempt]

    def run(self, spec: dict[str, Any]) -> dict[str, Any]:
        self.start(spec)
        return self.end_of(spec["attempt"])

    def close(self) -> None:
        self.sock.close()


class Bench:
    """A home with one runner generation, and specs that fit it."""

    def __init__(self, root: Path, generation: str = "g1", **options: Any) -> None:
        self.home = home_at(root)
        self.home.create()
        self.generation = generation
        self.folder = launch.runner_folder(self.home, generation)
        self._numbers = itertools.count(1)
        launch.start_runner(self.home, generation, **options)
        launch.wait_until_ready(self.home, generation, WAIT_S)

    def client(self, epoch: int = 1, greet: bool = True) -> Client:
        return Client(self.home, self.generation, epoch, greet)

    def shell(self, text: str, **changes: Any) -> dict[str, Any]:
        number = next(self._numbers)
        spec: dict[str, Any] = {
            "attempt": f"x:{number}", "execution": "x", "number": number, "step": "step",
            "kind": "run", "flow": "flow", "shell": ["bash", "-euo", "pipefail"], "text": text,
            "env": {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"},
            "cwd": str(self.home.work / "x"), "log_dir": str(self.home.logs / "x"),
            "outputs": "lines", "timeout_s": None, "grace_s": 5.0, "masks": [],
            "output_limit_bytes": 1 << 20, "log_limit_bytes": 1 << 30, "log_sync": False,
        }  # fmt: skip
        return {**spec, **changes}

    def python(self, args: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
        python = {
            "call": changes.pop("call", None), "script": changes.pop("script", None),
            "args": args or {}, "path": changes.pop("path", []), "set": changes.pop("set", "v1"),
        }  # fmt: skip
        return self.shell("", kind="python", python=python, **changes)

    def log(self, spec: dict[str, Any]) -> bytes:
        """The bytes of an attempt's log, all segments."""
        folder = Path(spec["log_dir"])
        step = spec["step"].replace("/", "+")
        first = folder / f"{spec['number']:06d}.{step}.log"
        rest = sorted(folder.glob(f"{spec['number']:06d}.{step}.*.log"))
        return b"".join(path.read_bytes() for path in [first, *rest] if path.exists())

    @property
    def runner_pid(self) -> int:
        import json

        return int(json.loads((self.folder / "info.json").read_text())["pid"])

    def runner_log(self) -> str:
        return (self.folder / "runner.log").read_text()

    def is_dead(self) -> bool:
        return launch.is_dead(self.folder)

    def stop(self) -> None:
        """Kill everything that is left."""
        if self.is_dead():
            return
        client = self.client(epoch=1 << 40)
        client.send(t="stop")
        client.sock.shutdown(socket.SHUT_WR)
        while not client.closed:  # who does not read the ends that it is told is taken for dead
            client.receive()
        client.close()
        wait_until(self.is_dead)


def wait_until(condition: Callable[[], bool], timeout_s: float = WAIT_S) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "not reached"
        time.sleep(0.01)
