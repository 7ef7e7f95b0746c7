"""The engine's life: lock, socket, epoch, recovery, serving, the end. `python -m engine.life`.

The socket is bound before anything heavy is imported, so that a client that has just started us
connects at once and waits in the backlog.
"""

from __future__ import annotations

import fcntl
import gc
import os
import resource
import socket
import sys

from engine.paths import EXIT_LOCKED, Home, find_home
from engine.system_log import keep_log, log

BACKLOG = 512


def take_lock(home: Home) -> int:
    """The home's lock, held until this process ends; exits with 75, naming the holder."""
    descriptor = os.open(home.text("lock_file"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = os.pread(descriptor, 100, 0).decode("ascii", "replace").strip() or "unknown"
        log(f"error: an engine serves this home already (pid {holder}): {home.text('root')}")
        sys.exit(EXIT_LOCKED)
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


def bind_socket(home: Home) -> socket.socket:
    """The home's socket, for its owner only, listening."""
    path = home.text("socket")
    if os.path.lexists(path):
        os.unlink(path)  # we hold the lock: nobody listens there
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listening.bind(path)
    finally:
        os.umask(before)
    listening.listen(BACKLOG)
    listening.setblocking(False)
    return listening


def main() -> None:
    """Serve one home until told to stop, or until nothing needs an engine any more."""
    os.umask(0o077)
    gc.disable()  # while loading nothing is garbage; `Engine.run` enables it
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # memory holds sensitive inputs
    home = find_home()
    os.chdir("/")  # the caller's directory may be unmounted or deleted while we live
    try:
        home.create()
        lock = take_lock(home)
        keep_log(home)
        listening = bind_socket(home)
    except OSError as error:
        log(f"error: cannot use the home {home.text('root')}: {error}")
        sys.exit(74)
    from engine.errors import WingmanError
    from engine.serve import run
    from engine.serving import serving_in

    words = sys.argv[1:]
    try:
        run(home, listening, stays="--stay" in words, serving=serving_in(words))
    except WingmanError as error:
        log(f"error: {error}")
        sys.exit(error.exit_code)
    finally:
        os.close(lock)


if __name__ == "__main__":
    main()
