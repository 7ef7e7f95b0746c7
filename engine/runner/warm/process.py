"""What of a process one step could leave to the next: environment, streams, threads, usage."""

from __future__ import annotations

import os
import resource
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO


def set_environment(wanted: dict[str, str]) -> None:
    """Make os.environ exactly `wanted`, touching only what differs."""
    environ = os.environ
    timezone = environ.get("TZ")
    for name in [name for name in environ if name not in wanted]:
        del environ[name]
    for name, value in wanted.items():
        if environ.get(name) != value:
            environ[name] = value
    if timezone != wanted.get("TZ"):
        import time

        time.tzset()


def open_stream(fd: int) -> TextIO:
    """A text stream for the step: whole lines at once, so that its log is live."""
    return open(fd, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)


def is_untouched(stream: TextIO) -> bool:
    """True when the step has not closed, detached or reconfigured its stream."""
    try:
        return not stream.closed and bool(stream.line_buffering) and stream.encoding == "utf-8"
    except ValueError:
        return False


def left_behind() -> bool:
    """True when a thread or a child process of the attempt is still there."""
    if len(sys._current_frames()) > 1:
        return True
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass  # a zombie that the step did not wait for
    except ChildProcessError:
        return False
    return True


def usage() -> bytes:
    """What this process and its children have used in all, as the inside of a JSON object."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
    return b'"cpu_s":%.6f,"max_rss_kb":%d,"in":%d,"out":%d' % (
        cpu_s, max(own.ru_maxrss, children.ru_maxrss),
        own.ru_inblock + children.ru_inblock, own.ru_oublock + children.ru_oublock,
    )  # fmt: skip


def load_fflush() -> Callable[[object], object] | None:
    """libc's fflush: what a C extension printed must not appear in the next step."""
    try:
        import ctypes

        return ctypes.CDLL(None).fflush
    except (ImportError, OSError, AttributeError):
        return None
