"""Files in memory: what a step writes its outputs to, and what does not fit on a command line.

Role: made by spawn.py, worker.py and items.py; ending.py gives empty ones back. Imports the
standard library only.
"""

from __future__ import annotations

import os

KEPT = 64  # empty ones that wait for their next step


class MemoryFiles:
    """Makes files in memory, and keeps those that nothing was written to for the next step."""

    def __init__(self) -> None:
        self._folder = f"/proc/{os.getpid()}/fd"
        self._empty: list[int] = []

    def new(self, name: str) -> tuple[int, str]:
        """A file in memory, and the path by which another process of this user opens it."""
        fd = os.memfd_create(name, os.MFD_CLOEXEC)
        return fd, self.path(fd)

    def filled(self, name: str, data: bytes) -> int:
        """A file in memory that holds `data`."""
        fd = os.memfd_create(name, os.MFD_CLOEXEC)
        written = 0
        while written < len(data):
            written += os.write(fd, data[written:])
        return fd

    def path(self, fd: int) -> str:
        """Where another process finds this file."""
        return f"{self._folder}/{fd}"

    def empty(self) -> tuple[int, str]:
        """An empty file for the outputs of a step."""
        if self._empty:
            fd = self._empty.pop()
            return fd, self.path(fd)
        return self.new("output")

    def give_back(self, fd: int) -> None:
        """An empty file that no process can write to any more: the next step may have it."""
        if len(self._empty) < KEPT:
            self._empty.append(fd)
        else:
            os.close(fd)
