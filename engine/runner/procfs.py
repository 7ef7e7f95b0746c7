"""What /proc tells about processes: identity, parent, group, usage, and the attempt's marker.

Role: the only reader of /proc in the runner; the engine's sweep of a dead generation uses it too.
Imports the standard library only.
"""

from __future__ import annotations

import itertools
import os
import resource

RLIMIT_RTTIME = 15  # the resource module does not name it
PAGE_BYTES = resource.getpagesize()
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_MARKER_BIT = 1 << 61  # keeps a marker far from any limit that a real-time process could reach
_MARKER_LINE = b"Max realtime timeout"
_HARD_LIMIT = resource.getrlimit(RLIMIT_RTTIME)[1]
# from a random one on, which no other runner begins near
_markers = itertools.count(int.from_bytes(os.urandom(8), "little") >> 4 | _MARKER_BIT)


class Stat:
    """The fields of /proc/<pid>/stat that matter here."""

    __slots__ = ("cpu_s", "group", "parent", "rss_bytes", "session", "start_ticks", "state")

    def __init__(self, text: bytes) -> None:
        # the program's name may hold spaces and brackets: the fields follow the last one
        fields = text[text.rindex(b")") + 2 :].split()
        self.state = fields[0]
        self.parent = int(fields[1])
        self.group = int(fields[2])
        self.session = int(fields[3])
        self.cpu_s = (int(fields[11]) + int(fields[12])) / TICKS_PER_S
        self.start_ticks = int(fields[19])
        self.rss_bytes = int(fields[21]) * PAGE_BYTES

    @property
    def alive(self) -> bool:
        """True for what still runs: not a zombie, not dead."""
        return self.state not in (b"Z", b"X")


def read_stat(pid: int) -> Stat | None:
    """The process's stat, or None when there is no such process."""
    text = _read(f"/proc/{pid}/stat")
    return Stat(text) if text else None


def read_marker(pid: int) -> int | None:
    """The marker that the process carries, or None when it has none or is gone."""
    text = _read(f"/proc/{pid}/limits")
    at = text.find(_MARKER_LINE)
    if at < 0:
        return None
    soft = text[at + len(_MARKER_LINE) : at + 60].split(None, 1)[0]
    return int(soft) if soft.isdigit() else None


def read_io(pid: int) -> tuple[int, int]:
    """Bytes that the process has read from and written to storage so far."""
    read_bytes = write_bytes = 0
    for line in _read(f"/proc/{pid}/io").splitlines():
        if line.startswith(b"read_bytes:"):
            read_bytes = int(line[11:])
        elif line.startswith(b"write_bytes:"):
            write_bytes = int(line[12:])
    return read_bytes, write_bytes


def read_peak_rss_bytes(pid: int) -> int:
    """The highest resident size of the process so far; 0 when it is gone."""
    text = _read(f"/proc/{pid}/status")
    at = text.find(b"VmHWM:")
    return int(text[at + 6 :].split(None, 1)[0]) * 1024 if at >= 0 else 0


def read_children(pid: int) -> list[int]:
    """The children that the main thread of the process started or adopted."""
    return [int(child) for child in _read(f"/proc/{pid}/task/{pid}/children").split()]


def all_pids() -> list[int]:
    """Every process of the machine that this one can see."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def boot_id() -> str:
    """The random id of this boot of the machine."""
    return _read("/proc/sys/kernel/random/boot_id").decode().strip()


def oom_kills() -> int:
    """How many processes the kernel has killed for memory since the boot."""
    text = _read("/proc/vmstat")
    at = text.find(b"\noom_kill ")
    return int(text[at + 10 :].split(None, 1)[0]) if at >= 0 else 0


def new_marker() -> int | None:
    """A marker that no other attempt has, or None where the limits do not allow one."""
    marker = next(_markers)
    return marker if _HARD_LIMIT == resource.RLIM_INFINITY or marker <= _HARD_LIMIT else None


def wear_marker(marker: int | None) -> None:
    """Carry `marker` until the next call, so that a process spawned meanwhile inherits it."""
    soft = _HARD_LIMIT if marker is None else marker
    resource.setrlimit(RLIMIT_RTTIME, (soft, _HARD_LIMIT))


def _read(path: str) -> bytes:
    """A small file of /proc; empty when the process is gone or hidden."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        data = os.read(fd, 65536)
    except OSError:
        data = b""
    finally:
        os.close(fd)
    return data
