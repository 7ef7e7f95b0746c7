"""What all tests share: a home of their own with an engine that ends with the test."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from engine.paths import Home, home_at

ROOT = Path(__file__).parent.parent
COMMAND_TIMEOUT_S = 90.0

# how long an example takes, or how fast they are drawn, says more of the machine than of the code
settings.register_profile("wingman", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("wingman")


# who starts the tests in the background may ignore these (`nohup`, `&`), and what they start would, too
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)


class Wingman:
    """Runs `wingman` in the test's home: `wingman("run", "flow.yaml", "--json")`."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home.root.parent),
            "LANG": "C.UTF-8",
            "WINGMAN_HOME": str(home.root),
            "PYTHONPATH": str(ROOT),
        }

    def words(self, *args: str | os.PathLike[str]) -> list[str]:
        """The whole command line."""
        return [sys.executable, "-P", "-m", "engine.cli.main", *map(str, args)]

    def __call__(
        self,
        *args: str | os.PathLike[str],
        input: str | None = None,
        env: dict[str, str] | None = None,
        cwd: Path | None = None,
        check: bool = False,
    ) -> subprocess.CompletedProcess[str]:
        """Run it to its end. Bytes that are no UTF-8 come back as surrogate escapes."""
        done = subprocess.run(
            self.words(*args),
            input=input,
            stdin=subprocess.DEVNULL if input is None else None,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            env={**self.environment, **(env or {})},
            cwd=cwd or self.home.root.parent,
            timeout=COMMAND_TIMEOUT_S,
            check=False,
        )
        if check:
            assert done.returncode == 0, f"{args} ended with {done.returncode}: {done.stderr}"
        return done

    def start(
        self, *args: str | os.PathLike[str], env: dict[str, str] | None = None, **options: Any
    ) -> subprocess.Popen[bytes]:
        """Start it and return at once; the test ends it."""
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(
            self.words(*args),
            env={**self.environment, **(env or {})},
            cwd=self.home.root.parent,
            **{**pipes, **options},
        )


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A home in a directory of its own; its engine, runners and steps end with the test."""
    home = home_at(tmp_path / "home")
    home.create()
    yield home
    if home.socket.exists():
        with contextlib.suppress(subprocess.TimeoutExpired):
            Wingman(home)("engine", "stop", "--all")
    kill_leftovers(home)
    with contextlib.suppress(FileNotFoundError):
        home.socket.unlink()  # it may lie outside the test's directory


@pytest.fixture
def wingman(home: Home) -> Wingman:
    """The command, in the test's home."""
    return Wingman(home)


def kill_leftovers(home: Home) -> None:
    """Kill what belongs to this home and nobody else: by its environment or its directory."""
    deadline = time.monotonic() + 10
    while (pids := processes_of(home)) and time.monotonic() < deadline:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        time.sleep(0.02)


def processes_of(home: Home) -> list[int]:
    """The processes that run for this home: engine, runners, workers, steps."""
    root = os.fsencode(home.root)
    found = []
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            process = Path(entry.path)
            if (process / "stat").read_bytes().rpartition(b")")[2].split()[0] == b"Z":
                continue
            variables = (process / "environ").read_bytes().split(b"\0")
            directory = os.fsencode(os.readlink(process / "cwd"))
            if b"WINGMAN_HOME=" + root in variables or directory.startswith(root + b"/"):
                found.append(int(entry.name))
    return found
