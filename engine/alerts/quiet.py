"""Quiet hours: until when something is held back. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

DAY_MINUTES = 1440
LONGEST_CHAIN = 8  # quiet hours that end where the next begin


def quiet_until_us(quiet: Mapping[str, Any] | None, at_us: int) -> int | None:
    """When the quiet hours end that a moment lies in; None where it lies in none.

    Where they end at the beginning of the next ones, these count, too: a weekend is one.
    """
    if not quiet:
        return None
    end_us = None
    for _ in range(LONGEST_CHAIN):
        later_us = _end_us(quiet, at_us)
        if later_us is None:
            break
        end_us = at_us = later_us
    return end_us


def _end_us(quiet: Mapping[str, Any], at_us: int) -> int | None:
    zone = ZoneInfo(quiet["timezone"])
    local = datetime.fromtimestamp(at_us / 1e6, UTC).astimezone(zone)
    length = (quiet["to"] - quiet["from"]) % DAY_MINUTES or DAY_MINUTES
    for back in (0, 1):
        day = local.date() - timedelta(days=back)
        if day.weekday() not in quiet["days"]:
            continue
        begin_us = _moment_us(day, quiet["from"], zone)
        end_us = _moment_us(day, quiet["from"] + length, zone)
        if begin_us <= at_us < end_us:
            return end_us
    return None


def _moment_us(day: Any, minutes: int, zone: ZoneInfo) -> int:
    """Where the clocks of a zone show so many minutes of a day; the first of two such moments."""
    days, minutes = divmod(minutes, DAY_MINUTES)
    hour, minute = divmod(minutes, 60)
    date = day + timedelta(days=days)
    moment = datetime(date.year, date.month, date.day, hour, minute, tzinfo=zone)
    return round(moment.timestamp() * 1_000_000)
