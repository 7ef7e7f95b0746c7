"""What running attempts use right now, summed over their processes; taken only while watched.

Role: called by runner.py once a second. One pass over /proc serves all attempts. Imports the
standard library and procfs.
"""

from __future__ import annotations

from engine.runner import procfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from engine.runner.attempt import Attempt


def take_samples(attempts: list[Attempt]) -> dict[str, dict[str, Any]]:
    """CPU, memory, I/O and process count of each attempt: its session, children and daemons."""
    stats = {pid: stat for pid in procfs.all_pids() if (stat := procfs.read_stat(pid))}
    children: dict[int, list[int]] = {}
    sessions: dict[int, list[int]] = {}
    for pid, stat in stats.items():
        children.setdefault(stat.parent, []).append(pid)
        sessions.setdefault(stat.session, []).append(pid)
    samples = {}
    for attempt in attempts:
        members: set[int] = set()
        search = [attempt.pid, *attempt.adopted, *sessions.get(attempt.pid, ())]
        while search:
            pid = search.pop()
            if pid in stats and pid not in members:
                members.add(pid)
                search.extend(children.get(pid, ()))
        samples[attempt.id] = _sum(attempt, members, stats)
    return samples


def _sum(attempt: Attempt, members: set[int], stats: dict[int, procfs.Stat]) -> dict[str, Any]:
    cpu_s = attempt.cpu_s  # of what has been reaped already
    if attempt.worker is not None:
        cpu_s -= attempt.worker.cpu_s  # the worker's earlier attempts
    rss_bytes = read_bytes = write_bytes = 0
    for pid in members:
        stat = stats[pid]
        cpu_s += stat.cpu_s
        rss_bytes += stat.rss_bytes
        read, written = procfs.read_io(pid)
        read_bytes += read
        write_bytes += written
    return {
        "cpu_s": round(max(0.0, cpu_s), 3),
        "rss_bytes": rss_bytes,
        "read_bytes": read_bytes,
        "write_bytes": write_bytes,
        "processes": len(members),
    }
