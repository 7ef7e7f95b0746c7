"""Start, find and stop the engine of a home. Called by the command line and the console.

Light to import, like `engine.client.http`. The engine binds its socket before its heavy imports, so
that whoever started it only waits until it can connect. Several may start one at the same time: one
engine gets the home's lock, the others leave, and every caller ends up connected to the same.
"""

from __future__ import annotations

import errno
import os
import sys
import time

from engine.client.http import Client
from engine.client.transport import UnixTransport
from engine.errors import Unavailable
from engine.paths import EXIT_LOCKED, find_home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from engine.paths import Home

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 30.0
RACE_S = 3.0  # how long another engine may take to listen after ours has left
TAIL_LINES = 8

_started: list[int] = []  # engines that this process started, to be reaped when they end


def ensure_engine(home: Home, *, stays: bool = False, here: bool = False) -> Client:
    """A client connected to the home's engine, which is started if there is none.

    Where the environment names a server, to that one, unless `here` says this machine.

    One that `stays` was asked for by hand; any other ends by itself when nobody needs it.
    """
    client = Client(home, UnixTransport(home.text("socket")) if here else None)

    def revive() -> None:
        client.revive = None  # what is asked while it starts must not start another one
        try:
            _connect(home, client, stays, here)
        finally:
            client.revive = revive

    revive()
    return client


def _connect(home: Home, client: Client, stays: bool, here: bool) -> None:
    """Connect, and start an engine where there is none and one may be started."""
    try:
        client.connect()
    except Unavailable as error:
        if os.environ.get("WINGMAN_SERVER") and not here:
            raise  # nobody starts an engine on another machine
        if isinstance(error.__cause__, PermissionError):
            raise
        _start(home, client, stays)


def status(home: Home) -> dict[str, Any]:
    """`wire.EngineStatus`; Unavailable without an engine."""
    return Client(home).request("GET", "/v1/engine")


def stop(home: Home, cancel_all: bool = False) -> dict[str, Any]:
    """Stop the engine and wait until it is gone; its last status. `cancel_all` ends steps too."""
    client = Client(home)
    last = client.request("GET", "/v1/engine")
    client.request("POST", "/v1/engine/stop", {"all": cancel_all})
    client.close()
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while is_alive(int(last["pid"])):
        if time.monotonic() > deadline:
            raise Unavailable(
                f"the engine (pid {last['pid']}) has not ended within {STOP_TIMEOUT_S:g} s",
                f"its log: {home.text('system_log')}",
            )
        time.sleep(0.01)
    return last


def is_alive(pid: int) -> bool:
    """Whether this process exists; one of ours that has ended is reaped first."""
    _reap()
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    """Whether a process has ended and only waits for its parent to take note."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] == b"Z"
    except (OSError, IndexError):
        return False


def make_home(home: Home) -> None:
    """Make the home's directories; Unavailable where that cannot be."""
    try:
        home.create()
    except OSError as error:
        raise _unusable(home, error.filename, error) from error


def _unusable(home: Home, path: str, error: OSError) -> Unavailable:
    return Unavailable(
        f"the home {home.text('root')} cannot be used: {path}: {error.strerror}",
        "WINGMAN_HOME names another directory",
    )


def _start(home: Home, client: Client, stays: bool) -> None:
    """Spawn the engine and wait until it answers `client`."""
    _reap()
    make_home(home)
    log_start = _size_of(home.text("system_log"))
    pid = _spawn(home, stays)
    deadline = time.monotonic() + START_TIMEOUT_S
    ended: int | None = None
    pause_s = 0.002
    while True:
        try:
            client.connect()
            client.request("GET", "/healthz", timeout_s=START_TIMEOUT_S)  # it got through its start
        except Unavailable as error:
            refused = error
        else:
            if ended is None:
                _started.append(pid)
            return
        if ended is None and (ended := _exit_code(pid)) is not None:
            deadline = min(deadline, time.monotonic() + RACE_S)
        if time.monotonic() > deadline or ended not in (None, EXIT_LOCKED):
            raise _not_started(home, ended, log_start) from refused
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.5, 0.05)


def _spawn(home: Home, stays: bool) -> int:
    """Start the engine in a session of its own, holding nothing of ours but its environment."""
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, home.text("system_log"), _LOG_FLAGS, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
        # a caller's `9>lock` or pipe would stay open as long as the engine lives
        *((os.POSIX_SPAWN_CLOSE, fd) for fd in _inheritable_descriptors()),
    ]
    # utf8: whatever the caller's locale, paths and texts are the same
    command = [sys.executable, "-P", "-X", "utf8", "-m", "engine.life"]
    command += ["--stay"] if stays else []
    try:
        return os.posix_spawn(
            sys.executable,
            command,
            python_environment(home),
            file_actions=actions,
            setsid=True,
            setsigmask=[],
        )
    except OSError as error:
        if error.errno in _OF_THE_DISK:  # what could not be opened is its log
            raise _unusable(home, home.text("system_log"), error) from error
        raise Unavailable(
            f"the engine could not be started: {error.strerror}",
            "ulimit -a shows the limits of this session, wingman doctor what else may be wrong",
        ) from error


_OF_THE_DISK = (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EDQUOT, errno.EISDIR)
_LOG_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT


def python_environment(home: Home) -> dict[str, str]:
    """The environment in which `python -P -m engine.…` finds this code and this home."""
    environment = dict(os.environ)
    if environment.get("WINGMAN_HOME") or home != find_home():
        environment["WINGMAN_HOME"] = home.text("root")
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    if root not in sys.path[1:]:  # run from a checkout that nobody installed
        known = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = f"{root}{os.pathsep}{known}" if known else root
    return environment


def _inheritable_descriptors() -> list[int]:
    try:
        numbers = [int(name) for name in os.listdir("/dev/fd")]
    except OSError:
        return []
    found = []
    most = os.sysconf("SC_OPEN_MAX")
    for number in numbers:
        try:
            if number <= 2 or not os.get_inheritable(number):
                continue
            if number < most:
                found.append(number)
            else:  # opened before the limit was lowered: posix_spawn refuses to close it
                os.set_inheritable(number, False)
        except OSError:  # the listing's own, closed by now
            continue
    return found


def _exit_code(pid: int) -> int | None:
    found, wait_status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(wait_status) if found else None


def _reap() -> None:
    for pid in list(_started):
        try:
            if _exit_code(pid) is None:
                continue
        except ChildProcessError:
            pass
        if pid in _started:  # another thread may have been first
            _started.remove(pid)


def _not_started(home: Home, exit_code: int | None, log_start: int) -> Unavailable:
    """The cause in the engine's own words, where it has said one."""
    log = home.text("system_log")
    lines = _said_since(log, log_start)
    cause = next((text for line in lines if (text := line.partition(" error: ")[2])), "")
    if cause:
        return Unavailable(
            f"the engine cannot start: {cause}", f"its log: {log}", exit_code=exit_code
        )
    how = "does not listen" if exit_code is None else f"ended with exit code {exit_code}"
    tail = "".join(f"\n    {line}" for line in lines[-TAIL_LINES:])
    return Unavailable(
        f"the engine was started but {how}{tail}", f"its log: {log}", exit_code=exit_code
    )


def _size_of(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def _said_since(path: str, start: int) -> list[str]:
    """The lines of the engine's log from a place on, the last ones where there are many."""
    try:
        with open(path, "rb") as file:
            size_bytes = os.fstat(file.fileno()).st_size
            start = start if start <= size_bytes else 0  # a new file has begun since
            file.seek(max(start, size_bytes - 8192))
            return file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return []
