"""The wall clock is set: the kernel tells, and schedules look at once. The clock itself stays right."""

from __future__ import annotations

import asyncio
import ctypes
import errno
import os
from pathlib import Path

import pytest

from engine.clockset import ClockSet
from tests.triggers.world import SECOND_US, World

_CLOCK_REALTIME, _ADJ_SETOFFSET, _ADJ_NANO = 0, 0x0100, 0x2000


class _Timex(ctypes.Structure):
    _fields_ = (
        ("modes", ctypes.c_uint), ("numbers", ctypes.c_long * 4), ("status", ctypes.c_int),
        ("more", ctypes.c_long * 3), ("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long),
        ("rest", ctypes.c_byte * 200),
    )  # fmt: skip


def set_the_clock_by_a_nanosecond() -> None:
    """Set this machine's clock ahead by what nobody can notice, but the kernel does.

    It adds to the clock in one step; reading and setting it would lose what lies between.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    change = _Timex(modes=_ADJ_SETOFFSET | _ADJ_NANO, seconds=0, nanoseconds=1)
    if libc.clock_adjtime(_CLOCK_REALTIME, ctypes.byref(change)) < 0:
        pytest.skip(f"nobody may set the clock here: {os.strerror(ctypes.get_errno())}")


async def test_the_timer_is_armed_and_a_word_of_it_is_passed_on() -> None:
    """A pipe stands for the timer where nobody may set the clock."""
    told = asyncio.Event()
    readable, writable = os.pipe2(os.O_NONBLOCK)
    watch = ClockSet(told.set, readable)
    os.write(writable, bytes(8))
    await asyncio.wait_for(told.wait(), 10)
    watch.close()
    os.close(writable)
    own = ClockSet(told.set)
    assert "settime flags: 03" in told_of(own._descriptor), "armed, and cancelled by a change"
    own.close()


def told_of(descriptor: int) -> str:
    return Path(f"/proc/self/fdinfo/{descriptor}").read_text()


async def test_the_kernel_tells_of_a_clock_that_is_really_set_each_time() -> None:
    told = asyncio.Event()
    watch = ClockSet(told.set)
    try:
        for _ in range(2):
            set_the_clock_by_a_nanosecond()
            await asyncio.wait_for(told.wait(), 10)
            told.clear()
        asyncio.get_running_loop().remove_reader(watch._descriptor)
        set_the_clock_by_a_nanosecond()
        with pytest.raises(OSError, match=os.strerror(errno.ECANCELED)):
            os.read(watch._descriptor, 8)
    finally:
        watch.close()


async def test_schedules_look_when_the_kernel_tells_not_a_minute_later(world: World) -> None:
    world.write("f", 'triggers: [{schedule: "0 * * * *"}]\nsteps: [{id: a, run: x}]')
    async with world.serving():
        watch = ClockSet(world.engine.clock_was_set)
        try:
            world.wall_us += 3600 * SECOND_US
            set_the_clock_by_a_nanosecond()
            for _ in range(1000):
                if await world.ledger("f:schedule"):
                    break
                await asyncio.sleep(0.01)
            assert await world.ledger("f:schedule") == [("2027-03-01T01:00", "ran", 1)]
        finally:
            watch.close()
