"""Finds and ends every process that carries an attempt's marker, whoever its parent is now.

Role: the runner uses it when it cancels; the engine for the attempts of a dead generation.
Imports the standard library and procfs.
"""

from __future__ import annotations

import os
import signal
import time

from engine.runner import procfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection


def find_marked(markers: Collection[int]) -> dict[int, list[int]]:
    """The living processes that carry each of `markers`."""
    found: dict[int, list[int]] = {marker: [] for marker in markers}
    own = os.getpid()
    for pid in procfs.all_pids():
        if pid == own:
            continue
        marker = procfs.read_marker(pid)
        if marker is not None and marker in found:
            stat = procfs.read_stat(pid)
            if stat is not None and stat.alive:
                found[marker].append(pid)
    return found


def signal_marked(pid: int, marker: int, number: int) -> bool:
    """Send the signal if `pid` is still a process with this marker; False if it may not be sent."""
    try:
        pidfd = os.pidfd_open(pid)
    except OSError:
        return True
    try:
        # checked after the pidfd is open: the number cannot pass to a stranger any more
        if procfs.read_marker(pid) == marker:
            signal.pidfd_send_signal(pidfd, number)
    except ProcessLookupError:
        pass
    except PermissionError:
        return False
    finally:
        os.close(pidfd)
    return True


def kill_marked(markers: Collection[int], timeout_s: float = 10.0) -> dict[int, int]:
    """Kill all that carries one of `markers` until nothing lives; how many still do, per marker.

    Processes that may not be signalled (they run as another user) are what can remain.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        living = find_marked(markers)
        if not any(living.values()):
            break
        for marker, pids in living.items():
            for pid in pids:
                signal_marked(pid, marker, signal.SIGKILL)
        if time.monotonic() > deadline:
            break
        time.sleep(0.01)
    return {marker: len(pids) for marker, pids in living.items()}
