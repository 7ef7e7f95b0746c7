"""Times, durations and sizes for people. Pure; used by the commands.

No `datetime`: its import is a tenth of what `wingman list` may cost.
"""

from __future__ import annotations

import time

MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86400


def epoch_s(text: str) -> float:
    """The Unix time of a wire time, `YYYY-MM-DDTHH:MM:SS.ffffffZ`."""
    year, month, day = int(text[0:4]), int(text[5:7]), int(text[8:10])
    clock_s = int(text[11:13]) * HOUR_S + int(text[14:16]) * MINUTE_S + float(text[17:26])
    return _days_since_1970(year, month, day) * DAY_S + clock_s


def _days_since_1970(year: int, month: int, day: int) -> int:
    """Days of the proleptic Gregorian calendar; years are counted from March."""
    year -= month <= 2
    century = year // 400
    year_of = year - century * 400
    day_of = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return century * 146097 + year_of * 365 + year_of // 4 - year_of // 100 + day_of - 719468


def duration(milliseconds: float | None) -> str:
    """`0.34s`, `5.2s`, `48s`, `3m12s`, `2h05m`, `4d03h`; nothing for None."""
    if milliseconds is None:
        return ""
    seconds = milliseconds / 1000
    if seconds < 9.95:
        return f"{seconds:.2f}s" if seconds < 0.995 else f"{seconds:.1f}s"
    whole = int(seconds + 0.5)
    if whole < MINUTE_S:
        return f"{whole}s"
    if whole < HOUR_S:
        return f"{whole // MINUTE_S}m{whole % MINUTE_S:02}s"
    if whole < DAY_S:
        return f"{whole // HOUR_S}h{whole % HOUR_S // MINUTE_S:02}m"
    return f"{whole // DAY_S}d{whole % DAY_S // HOUR_S:02}h"


def age(text: str | None, now_s: float) -> str:
    """How long ago a wire time was: `now`, `12s ago`, `5m ago`, `3h ago`, `2d ago`."""
    if not text:
        return ""
    seconds = int(now_s - epoch_s(text))
    if seconds < 1:
        return "now"
    for unit_s, letter in ((DAY_S, "d"), (HOUR_S, "h"), (MINUTE_S, "m")):
        if seconds >= unit_s:
            return f"{seconds // unit_s}{letter} ago"
    return f"{seconds}s ago"


def local_time(text: str | None) -> str:
    """A wire time on this machine's clock, `2026-03-01 14:03:22`."""
    if not text:
        return ""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(epoch_s(text)))


def size(size_bytes: float | None) -> str:
    """`812 B`, `3.4 KiB`, `120 MiB`; nothing for None."""
    if size_bytes is None:
        return ""
    amount = float(size_bytes)
    if amount < 1024:
        return f"{int(amount)} B"
    units = ["TiB", "GiB", "MiB", "KiB"]
    while amount >= 1024 and units:
        amount /= 1024
        unit = units.pop()
    return f"{amount:.1f} {unit}" if amount < 9.95 else f"{amount:.0f} {unit}"


def count(number: int, noun: str) -> str:
    """`1 step`, `3 steps`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
