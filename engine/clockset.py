"""Tells when somebody has set the wall clock, or the machine has slept: nothing polls. Linux.

A timer in the far future that the kernel cancels when the clock is set (timerfd, which Python has
from 3.13 on). Where there is none, whoever asks looks each minute.
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import os
from collections.abc import Callable

ABSOLUTE, CANCEL_ON_SET = 0x1, 0x2
FAR_S = 1 << 40
_CLOCK_REALTIME = 0


class _Moment(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Timer(ctypes.Structure):
    _fields_ = (("interval", _Moment), ("first", _Moment))


class ClockSet:
    """Calls `was_set()` on the loop after each change of the wall clock that is no mere passing."""

    def __init__(self, was_set: Callable[[], None], descriptor: int | None = None) -> None:
        self._was_set = was_set
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = self._create() if descriptor is None else descriptor
        if self._descriptor >= 0:
            self._arm()
            asyncio.get_running_loop().add_reader(self._descriptor, self._read)

    @property
    def works(self) -> bool:
        """Whether the kernel tells."""
        return self._descriptor >= 0

    def _create(self) -> int:
        flags = os.O_NONBLOCK | os.O_CLOEXEC
        return int(self._libc.timerfd_create(_CLOCK_REALTIME, flags))

    def _arm(self) -> None:
        timer = _Timer(_Moment(0, 0), _Moment(FAR_S, 0))
        flags = ABSOLUTE | CANCEL_ON_SET
        self._libc.timerfd_settime(self._descriptor, flags, ctypes.byref(timer), None)

    def _read(self) -> None:
        try:
            os.read(self._descriptor, 8)
        except OSError as error:
            if error.errno != errno.ECANCELED:
                return
        self._arm()
        self._was_set()

    def close(self) -> None:
        """Listen no more."""
        if self._descriptor >= 0:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1
