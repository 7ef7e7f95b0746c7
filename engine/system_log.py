"""The engine's own log: what it says on its standard error, kept in a file of the home.

The file is of a bounded size: when it has grown past `LIMIT_BYTES` it becomes `engine.log.1`, in
the place of the one before, and a new one begins.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TextIO

    from engine.paths import Home

LIMIT_BYTES = 16 << 20
_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC

_kept: tuple[str, int] | None = None  # the file's path, and the descriptor that leads to it


def log(text: str) -> None:
    """A line of the engine's own log (its standard error)."""
    if _kept is not None:
        with contextlib.suppress(OSError):
            _bound(*_kept)
    now = time.time()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
    with contextlib.suppress(OSError):  # a full disk takes no line, and must not end what we do
        print(f"{stamp}.{int(now % 1 * 1000):03d}Z {text}", file=sys.stderr, flush=True)  # noqa: T201


class Both:
    """A standard error that is also written to a file."""

    def __init__(self, first: TextIO, file: TextIO) -> None:
        self._first = first
        self._file = file

    def write(self, text: str) -> int:
        """To both; what one cannot take must not keep it from the other."""
        for each in (self._first, self._file):
            with contextlib.suppress(OSError, ValueError):  # full, or closed
                each.write(text)
        return len(text)

    def flush(self) -> None:
        """Both."""
        for each in (self._first, self._file):
            with contextlib.suppress(OSError, ValueError):
                each.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._first, name)


def keep_log(home: Home) -> None:
    """Keep the engine's own log in its file also where somebody else takes its standard error.

    A terminal or systemd's journal does; consoles far away, `doctor` and the support bundle read
    the file.
    """
    global _kept
    path = home.text("system_log")
    descriptor = os.open(path, _FLAGS, 0o600)
    try:
        is_same = os.path.sameopenfile(descriptor, 2)
    except OSError:  # there is no standard error
        is_same = False
    if is_same:
        os.close(descriptor)
        descriptor = 2
    else:
        file = open(descriptor, "a", encoding="utf-8", errors="backslashreplace")  # noqa: SIM115
        sys.stderr = Both(sys.stderr, file) if sys.stderr else file
    _kept = (path, descriptor)


def _bound(path: str, descriptor: int) -> None:
    """Begin a new file where this one is large enough. Raises OSError."""
    if os.fstat(descriptor).st_size < LIMIT_BYTES:
        return
    os.replace(path, f"{path}.1")
    fresh = os.open(path, _FLAGS, 0o600)
    try:
        os.dup2(fresh, descriptor, inheritable=descriptor == 2)
    finally:
        os.close(fresh)
