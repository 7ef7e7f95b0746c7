"""The runner's process: its own session, its lock, its socket, then the loop.

Role: started by launch.py as `main([folder, generation, socket, python, idle_s, …packages])`.
Imports the standard library and the runner's own parts.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import json
import os
import resource
import signal
import sys
import time

from engine.runner import procfs
from engine.runner.link import listen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from engine.runner.runner import Runner

PROTOCOL = 1
LOCK_TRIES = 30
COLLECT_AFTER = 20_000  # allocations; hardly anything here is a cycle


def main(arguments: list[str]) -> None:
    """Be the runner of one generation until nothing is left to do."""
    folder, generation, socket_path, python, idle_s, *packages = arguments
    os.umask(0o077)
    become_daemon()
    lock = os.open(f"{folder}/lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    if not take_lock(lock):
        report(f"another runner holds {folder}/lock")
        return
    boot = procfs.boot_id()
    write_info(folder, generation, boot)
    if os.path.exists(socket_path):
        os.unlink(socket_path)  # we hold the lock: it is of a runner that died
    listener = listen(socket_path)
    sys.path.extend(packages)  # for the masker's regular expressions
    # the engine can connect from here on, while the rest is loaded
    from engine.runner.runner import Runner

    runner = Runner(folder, generation, boot, python, listener, float(idle_s), report)
    stop_on_sigterm(runner)
    gc.freeze()  # what is here now stays: the collector need not look at it
    gc.set_threshold(COLLECT_AFTER, 20, 20)
    try:
        runner.run()
    finally:
        os.unlink(socket_path)


def become_daemon() -> None:
    """Leave the starter's session and its habits."""
    os.setsid()
    os.chdir("/")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # memory may hold secrets
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        if signal.getsignal(number) == signal.SIG_IGN:
            # inherited: with SIGCHLD ignored every exit code would read as 0
            signal.signal(number, signal.SIG_DFL)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_IGN)
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        # not ignored, which the steps would inherit: what is handled is theirs as by default
        signal.signal(number, lambda _number, _frame: None)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def take_lock(lock: int) -> bool:
    """Hold the lock for life; somebody who only looks holds it for a moment."""
    for _ in range(LOCK_TRIES):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.01)
        else:
            return True
    return False


def stop_on_sigterm(runner: Runner) -> None:
    """SIGTERM ends all attempts, then the runner."""
    awake, wake = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGTERM, lambda _number, _frame: runner.request_stop())
    runner.add_wakeup(awake)


def write_info(folder: str, generation: str, boot: str) -> None:
    """Tell who the runner is, before the socket exists."""
    info = {"generation": generation, "pid": os.getpid(), "boot": boot, "protocol": PROTOCOL}
    path = f"{folder}/info.json"
    with open(f"{path}.new", "w", encoding="ascii") as file:
        json.dump(info, file)
    os.replace(f"{path}.new", path)


def report(text: str) -> None:
    """A line for runner.log, which is this process's stderr."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    with contextlib.suppress(OSError):  # a full disk must not be the end of the runner
        os.write(2, f"{stamp} {text}\n".encode(errors="backslashreplace"))
