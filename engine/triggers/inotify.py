"""Changes in folders, as the kernel tells them: no thread, no polling. Linux; standard library.

One descriptor on the engine's loop. A folder that cannot be watched (`refused`: the limit of the
kernel) is only looked at by the rescans of whoever asks.
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import os
import struct
from collections.abc import Callable, Iterable

CLOSE_WRITE, MOVED_FROM, MOVED_TO = 0x8, 0x40, 0x80
CREATE, DELETE, MODIFY, ATTRIB = 0x100, 0x200, 0x2, 0x4
DELETE_SELF, MOVE_SELF, ONLYDIR, OVERFLOW = 0x400, 0x800, 0x1000000, 0x4000
WANTED = CLOSE_WRITE | MOVED_FROM | MOVED_TO | CREATE | DELETE | MODIFY | ATTRIB
WANTED |= DELETE_SELF | MOVE_SELF
IN_NONBLOCK, IN_CLOEXEC = os.O_NONBLOCK, os.O_CLOEXEC
_REASONS = {
    errno.ENOSPC: "the kernel watches no more: raise fs.inotify.max_user_watches",
    errno.EACCES: "they may not be read",
    errno.ENOMEM: "the kernel has no memory for it",
}
_HEAD = struct.Struct("iIII")
_READ_BYTES = 1 << 16


class FolderWatch:
    """Calls `changed(folders)` when something in the watched folders has changed."""

    def __init__(self, changed: Callable[[set[str]], None]) -> None:
        self._changed = changed
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = self._libc.inotify_init1(IN_NONBLOCK | IN_CLOEXEC)
        self.refused: dict[str, str] = {}  # folders that the kernel does not watch, and why
        self._numbers: dict[str, int] = {}
        self._folders: dict[int, str] = {}
        if self._descriptor >= 0:
            asyncio.get_running_loop().add_reader(self._descriptor, self._read)

    def watch(self, folders: Iterable[str]) -> bool:
        """Watch these folders and no others; whether any of them was not watched before."""
        wanted = set(folders)
        for folder in self._numbers.keys() - wanted:
            self._forget(folder)
        self.refused = {}
        added = [self._add(folder) for folder in wanted - self._numbers.keys()]
        return any(added)

    def _add(self, folder: str) -> bool:
        """Watch a folder; False where it is not there, or the kernel refuses."""
        number, error = -1, ctypes.get_errno()
        if self._descriptor >= 0:
            number = self._libc.inotify_add_watch(
                self._descriptor, os.fsencode(folder), WANTED | ONLYDIR
            )
            error = ctypes.get_errno()
        if number >= 0:
            self._numbers[folder] = number
            self._folders[number] = folder
            return True
        if self._descriptor < 0 or error in _REASONS:
            self.refused[folder] = _REASONS.get(error, "the kernel gives no inotify")
        return False

    def _forget(self, folder: str) -> None:
        number = self._numbers.pop(folder)
        self._folders.pop(number, None)
        self._libc.inotify_rm_watch(self._descriptor, number)

    def _read(self) -> None:
        try:
            data = os.read(self._descriptor, _READ_BYTES)
        except OSError:
            return
        found: set[str] = set()
        place = 0
        while place < len(data):
            number, mask, _, length = _HEAD.unpack_from(data, place)
            place += _HEAD.size + length
            folder = self._folders.get(number)
            if mask & OVERFLOW:
                found |= set(self._numbers)  # the queue has run over: anything may have changed
            if folder is None:
                continue  # it is watched no more
            found.add(folder)
            if mask & (DELETE_SELF | MOVE_SELF):
                self._folders.pop(number, None)
                self._numbers.pop(folder, None)
        if found:
            self._changed(found)

    def close(self) -> None:
        """Watch nothing any more."""
        if self._descriptor >= 0:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1
