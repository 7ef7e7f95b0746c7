"""The writer's system calls: append whole, the shared index, syncing in groups.

The index of an execution is one open file for all attempts of a process, and two generations of the
runner may append to it at once: each append is one O_APPEND write of whole records, so they do not
mix. Used by `engine.logs.writer` and `segments`; standard library only.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from collections.abc import Callable

from engine.logs.format import INDEX_NAME, RECORD_BYTES

MANY_FILES = 32  # from here one syncfs is cheaper than a sync a file

_indexes: dict[str, Index] = {}
_unsynced: dict[str, set[str]] = {}  # directory -> files written since the last sync
_unsynced_lock = threading.Lock()  # the runner may sync in a thread


class Index:
    """The index file of one execution, shared by its attempts."""

    def __init__(self, log_dir: str) -> None:
        self._log_dir = log_dir
        self._fd = open_append(log_dir, INDEX_NAME)
        self._torn = os.fstat(self._fd).st_size % RECORD_BYTES
        self.users = 0

    def append(self, record: bytes) -> None:
        """Append one record; after a torn one, first fill up to where records begin."""
        data = bytes(RECORD_BYTES - self._torn) + record if self._torn else record
        written = os.write(self._fd, data)
        if written < len(data):
            self._torn = (self._torn + written) % RECORD_BYTES
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._torn = 0
        mark_unsynced(self._log_dir, INDEX_NAME)

    def release(self) -> None:
        """One attempt needs it no longer; the last one closes it."""
        self.users -= 1
        if self.users <= 0:
            _indexes.pop(self._log_dir, None)
            os.close(self._fd)


def open_index(log_dir: str) -> Index:
    """The shared index of a directory; give it back with `release`."""
    index = _indexes.get(log_dir)
    if index is None:
        index = _indexes[log_dir] = Index(log_dir)
    index.users += 1
    return index


def open_append(log_dir: str, name: str) -> int:
    """Open a private file for appending, with its directory if need be."""
    path = os.path.join(log_dir, name)
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
    try:
        return os.open(path, flags, 0o600)
    except FileNotFoundError:
        os.makedirs(log_dir, mode=0o700, exist_ok=True)
        mark_unsynced(os.path.dirname(log_dir), os.path.basename(log_dir))
        return os.open(path, flags, 0o600)
    finally:
        mark_unsynced(log_dir, name)


def write_all(fd: int, data: bytes | memoryview) -> None:
    """Write every byte; a disk that takes only a part is full."""
    written = os.write(fd, data)
    while written < len(data):
        step = os.write(fd, memoryview(data)[written:])
        if step == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written += step


# -- syncing --


def mark_unsynced(log_dir: str, name: str) -> None:
    """Remember that a file has bytes that a power cut would take."""
    names = _unsynced.get(log_dir)
    if names is None or name not in names:
        with _unsynced_lock:
            _unsynced.setdefault(log_dir, set()).add(name)


def sync_all() -> None:
    """Sync every log file written since the last call; raises OSError when the disk fails."""
    with _unsynced_lock:
        batch = dict(_unsynced)
        _unsynced.clear()
    if sum(map(len, batch.values())) >= MANY_FILES and _sync_filesystems(batch):
        return
    for log_dir, names in batch.items():
        _sync_files(log_dir, names)


def sync_directory_of(log_dir: str) -> None:
    """Sync the log files of one execution."""
    with _unsynced_lock:
        names = _unsynced.pop(log_dir, None)
    if names:
        _sync_files(log_dir, names)


def _sync_files(log_dir: str, names: set[str]) -> None:
    # A file that is gone was dropped by its limit, a directory by retention.
    for name in names:
        with contextlib.suppress(FileNotFoundError):
            _sync_path(os.path.join(log_dir, name), os.fdatasync)
    with contextlib.suppress(FileNotFoundError):
        _sync_path(log_dir, os.fsync)


def _sync_path(path: str, sync: Callable[[int], None]) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        sync(fd)
    finally:
        os.close(fd)


def _sync_filesystems(log_dirs: dict[str, set[str]]) -> bool:
    import ctypes  # only under load

    syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if syncfs is None:
        return False
    devices: dict[int, str] = {}
    for log_dir in log_dirs:
        with contextlib.suppress(FileNotFoundError):
            devices.setdefault(os.stat(log_dir).st_dev, log_dir)
    for log_dir in devices.values():
        fd = os.open(log_dir, os.O_RDONLY)
        try:
            if syncfs(fd) != 0:
                raise OSError(ctypes.get_errno(), "syncfs")
        finally:
            os.close(fd)
    return True
