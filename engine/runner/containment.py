"""Which processes belong to which attempt, and how they are ended.

Role: the runner is the subreaper of everything that it starts: a process whose parent has ended
becomes its child. One look at its own children tells whether an attempt has left anything behind,
the marker tells whose it is. Called by ending.py and workers.py. Imports the standard library and
the runner's own parts.
"""

from __future__ import annotations

import os
import signal
import sys

from engine.runner import procfs
from engine.runner.sweep import signal_marked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.runner.attempt import Attempt
    from engine.runner.poller import Poller

PR_SET_CHILD_SUBREAPER = 36
PROC_PAGE_BYTES = 4096


class Containment:
    """The runner's children: main processes and workers are known, all others are adopted."""

    def __init__(self, poller: Poller, on_empty: Callable[[Attempt], None]) -> None:
        self._poller = poller
        self._on_empty = on_empty  # an adopted process of the attempt has gone
        self.subreaper = become_subreaper()
        own = os.getpid()
        self._children_fd = -1
        try:
            path = f"/proc/{own}/task/{own}/children"
            self._children_fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            pass  # a kernel without it: the whole of /proc is read instead
        self._known: set[bytes] = set()
        self._owners: dict[int, Attempt] = {}  # marker → the live attempt
        self._orphans: dict[int, int] = {}  # processes of nobody alive: pid → pidfd
        self._scan: dict[int, list[int]] | None = None

    def describe(self) -> str:
        """What this machine allows, in words."""
        return describe(self.subreaper, self._children_fd >= 0)

    def know(self, pid: int) -> None:
        """`pid` is a main process or a worker."""
        self._known.add(b"%d" % pid)

    def forget(self, pid: int) -> None:
        """`pid` has been reaped."""
        self._known.discard(b"%d" % pid)

    def own(self, attempt: Attempt) -> None:
        """Processes with this attempt's marker belong to it from now on."""
        if attempt.marker is not None:
            self._owners[attempt.marker] = attempt

    def disown(self, attempt: Attempt) -> None:
        """The attempt has ended."""
        if attempt.marker is not None and self._owners.get(attempt.marker) is attempt:
            del self._owners[attempt.marker]

    def start_turn(self) -> None:
        """What was read of /proc in an earlier turn is old."""
        self._scan = None

    def adopt(self) -> None:
        """Look for children that nobody knows, and give each to its attempt."""
        unknown = [pid for pid in self._children() if pid not in self._known]
        for text in unknown:
            self._adopt(int(text))

    def _children(self) -> list[bytes]:
        if self._children_fd >= 0:
            data = part = os.pread(self._children_fd, 1 << 16, 0)
            while len(part) > PROC_PAGE_BYTES - 16:  # /proc hands out a page at a time
                part = os.pread(self._children_fd, 1 << 16, len(data))
                data += part
            return data.split()
        own, found = os.getpid(), []
        for pid in procfs.all_pids():
            stat = procfs.read_stat(pid)
            if stat is not None and stat.parent == own:
                found.append(b"%d" % pid)
        return found

    def _adopt(self, pid: int) -> None:
        marker = procfs.read_marker(pid)
        owner = self._owners.get(marker) if marker is not None else None
        try:
            reaped, _, usage = os.wait4(pid, os.WNOHANG)
            if reaped:  # it has ended by itself
                if owner is not None:
                    owner.add_usage(usage)
                return
            pidfd = os.pidfd_open(pid)
        except OSError:
            return
        self.know(pid)
        if owner is not None:
            owner.adopted[pid] = pidfd
        else:
            self._orphans[pid] = pidfd
            _send(pidfd, signal.SIGKILL)
        self._poller.add(pidfd, lambda _events: self._gone(pid, pidfd, owner))

    def _gone(self, pid: int, pidfd: int, owner: Attempt | None) -> None:
        try:
            reaped, _, usage = os.wait4(pid, os.WNOHANG)
        except ChildProcessError:
            reaped, usage = pid, None
        if not reaped:
            return
        self._poller.remove(pidfd)
        os.close(pidfd)
        self.forget(pid)
        self._orphans.pop(pid, None)
        self.adopt()  # its own children are ours now
        if owner is None:
            return
        if usage is not None:
            owner.add_usage(usage)
        owner.adopted.pop(pid, None)
        owner.unkillable.discard(pid)
        self._on_empty(owner)

    def marked(self, attempt: Attempt) -> list[int]:
        """Every living process with the attempt's marker, by a scan of /proc (once a turn)."""
        if attempt.marker is None:
            return []
        if self._scan is None:
            self._scan = {}
            for pid in procfs.all_pids():
                marker = procfs.read_marker(pid)
                if marker in self._owners:
                    self._scan.setdefault(marker, []).append(pid)
        living = []
        main = attempt.pid if attempt.pidfd >= 0 else 0
        for pid in self._scan.get(attempt.marker, ()):
            if pid != main and b"%d" % pid in self._known:
                continue  # adopted, or a worker that has done its part
            stat = procfs.read_stat(pid)
            if stat is not None and stat.alive and pid not in attempt.unkillable:
                living.append(pid)
        return living

    def terminate(self, attempt: Attempt) -> None:
        """SIGTERM to the process group, and to all of the attempt's that left the group."""
        self._signal_group(attempt, signal.SIGTERM)
        for pid in self.marked(attempt):
            try:
                grouped = attempt.pidfd >= 0 and os.getpgid(pid) == attempt.pid
            except ProcessLookupError:
                continue
            if not grouped:
                self._signal(attempt, pid, signal.SIGTERM)
        self.terminate_adopted(attempt, unmarked_only=True)
        self._signal_group(attempt, signal.SIGCONT)  # a stopped process would not notice

    def terminate_adopted(self, attempt: Attempt, unmarked_only: bool = False) -> None:
        """SIGTERM to the daemonised processes of the attempt."""
        for pid, pidfd in attempt.adopted.items():
            if not (unmarked_only and procfs.read_marker(pid) == attempt.marker):
                self._send_adopted(attempt, pid, pidfd, signal.SIGTERM)

    def kill(self, attempt: Attempt) -> None:
        """SIGKILL to everything of the attempt that can be found."""
        self._signal_group(attempt, signal.SIGKILL)
        for pid in self.marked(attempt):
            self._signal(attempt, pid, signal.SIGKILL)
        for pid, pidfd in attempt.adopted.items():
            self._send_adopted(attempt, pid, pidfd, signal.SIGKILL)
        self._scan = None

    def _signal_group(self, attempt: Attempt, number: int) -> None:
        if attempt.pidfd < 0:
            return  # reaped: the number may be somebody else's by now
        try:
            os.killpg(attempt.pid, number)
        except ProcessLookupError:
            pass
        except PermissionError:
            attempt.unkillable.add(attempt.pid)

    def _signal(self, attempt: Attempt, pid: int, number: int) -> None:
        if attempt.marker is not None and not signal_marked(pid, attempt.marker, number):
            attempt.unkillable.add(pid)

    def _send_adopted(self, attempt: Attempt, pid: int, pidfd: int, number: int) -> None:
        if not _send(pidfd, number):
            attempt.unkillable.add(pid)


def _send(pidfd: int, number: int) -> bool:
    """Signal the process behind a pidfd; False when it may not be signalled."""
    try:
        signal.pidfd_send_signal(pidfd, number)
    except ProcessLookupError:
        pass
    except PermissionError:
        return False
    return True


def become_subreaper() -> bool:
    """Make this process the parent of its orphaned descendants."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    return bool(libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)


def describe(subreaper: bool, children_file: bool) -> str:
    """The means of containment, and what they find, in words."""
    marked = procfs.new_marker() is not None
    means = [
        "subreaper" if subreaper else "process group",
        *(["rlimit marker"] if marked else []),
        *([] if children_file else ["scan of /proc"]),
    ]
    if subreaper:
        found = "daemonised and setsid processes are found"
    else:
        found = (
            "a daemonised process is found by its marker only" if marked else "daemons are missed"
        )
    return f"{' + '.join(means)} ({found})"


def containment_report() -> dict[str, object]:
    """What `wingman doctor` tells about ending the processes of a step on this machine."""
    own = os.getpid()
    children_file = os.path.exists(f"/proc/{own}/task/{own}/children")
    child = os.posix_spawn(sys.executable, [sys.executable, "-SEsc", PROBE], {})
    _, status = os.waitpid(child, 0)
    subreaper = os.waitstatus_to_exitcode(status) == 0
    return {
        "subreaper": subreaper,
        "marker": procfs.new_marker() is not None,
        "children_file": children_file,
        "outside": "processes that another service starts on request (docker, at, systemd-run)",
        "summary": describe(subreaper, children_file),
    }


# in a process of its own: the caller must not become a subreaper
PROBE = (
    "import ctypes, sys; "
    f"sys.exit(ctypes.CDLL(None).prctl({PR_SET_CHILD_SUBREAPER}, 1, 0, 0, 0) != 0)"
)
