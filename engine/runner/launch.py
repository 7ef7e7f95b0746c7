"""Starts a runner generation from the engine's side, and tells whether one lives.

Role: called by the engine. Unlike the rest of this package it may import the engine's own modules.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import sys
import time
from pathlib import Path

from engine.errors import Unavailable
from engine.paths import Home, short_socket_path

ROOT = Path(__file__).resolve().parent.parent.parent
IDLE_S = 5.0  # how long a runner without engine and without attempts stays
LOG_TAIL_BYTES = 2000
# sh starts the runner in the background and ends: the runner is nobody's child
DETACH = '"$@" & exit 0'
CODE = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); "
    "from engine.runner.main import main; main(sys.argv[1:])"
)


def runner_folder(home: Home, generation: str) -> Path:
    """Where this generation keeps its lock, results and log."""
    return home.runners / generation


def runner_socket(home: Home, generation: str) -> Path:
    """The socket on which this generation listens."""
    return short_socket_path(runner_folder(home, generation) / "socket")


def start_runner(
    home: Home, generation: str, idle_s: float = IDLE_S, python: str = sys.executable
) -> None:
    """Start the runner of a new generation; `wait_until_ready` tells when it listens.

    `python` is the interpreter of `python` steps.
    """
    folder = runner_folder(home, generation)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    packages = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    argv = [
        "sh", "-c", DETACH, "sh", sys.executable, "-S", "-E", "-s", "-X", "utf8", "-c", CODE,
        str(ROOT), str(folder), generation, str(runner_socket(home, generation)),
        python, str(idle_s), *packages,
    ]  # fmt: skip
    log = os.open(folder / "runner.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        pid = os.posix_spawn(
            "/bin/sh", argv, {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDWR, 0),
                (os.POSIX_SPAWN_DUP2, 0, 1),
                (os.POSIX_SPAWN_DUP2, log, 2),
            ],
            setsid=True, setsigmask=(),
        )  # fmt: skip
    finally:
        os.close(log)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)


def wait_until_ready(home: Home, generation: str, timeout_s: float = 10.0) -> None:
    """Return when the runner accepts connections; raises Unavailable with its last words."""
    deadline = time.monotonic() + timeout_s
    path = runner_socket(home, generation)
    while not is_listening(path):
        if time.monotonic() > deadline:
            log = runner_folder(home, generation) / "runner.log"
            words = log.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace").strip()
            raise Unavailable(f"the runner does not start: {words or 'no word from it'}", str(log))
        time.sleep(0.003)


def is_listening(path: Path) -> bool:
    """True when somebody accepts connections at `path`."""
    with socket.socket(socket.AF_UNIX) as sock:
        try:
            sock.connect(str(path))
        except OSError:
            return False
    return True


def is_dead(folder: Path) -> bool:
    """True when the runner of this folder is known not to live: only then its lock can be taken."""
    try:
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False  # that we have no descriptor left says nothing of the runner
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(lock)
    return True
