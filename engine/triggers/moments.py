"""The nominal moments of a schedule: cron lines, intervals, single moments; time zones. Pure.

Cron lines have the semantics of Debian's cron by `cronsim`: a job at a set hour runs once on the
night that repeats it, and right after the gap on the night that leaves it out; one with `*` in
minute or hour goes by the clock. Moments are microseconds since 1970, UTC.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

SECOND_US = 1_000_000
MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_PROBE = datetime(2024, 1, 1, tzinfo=UTC)  # a leap year: what never comes from there never comes
_END = datetime(9000, 1, 1, tzinfo=UTC)


class BadSchedule(ValueError):
    """A cron line, a time zone or a moment that cannot be used: what is wrong, what helps."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.what, self.hint = what, hint


def check_cron(text: str) -> str:
    """The line with five fields that a text means. Raises BadSchedule."""
    line = " ".join(text.split())
    if line.startswith("@"):
        return _macro(line)
    fields = line.split(" ")
    if len(fields) != 5:
        seconds = "; for seconds write every: 30s" if len(fields) == 6 else ""
        raise BadSchedule(
            f"a cron line has five fields, not {len(fields)}",
            f"minute hour day month weekday, such as 0 3 * * *{seconds}",
        )
    try:
        sim = CronSim(line, _PROBE)
    except (CronSimError, ValueError, AssertionError, IndexError, TypeError) as error:
        raise _wrong_field(line, fields, str(error)) from None
    if next(sim, None) is None:
        raise BadSchedule(f"`{line}` never comes: no such day exists", "mend day or month")
    return line


def _macro(line: str) -> str:
    if line == "@reboot":
        raise BadSchedule("`@reboot` is no moment in time", "run it when the machine starts")
    if line.lower() not in MACROS:
        raise BadSchedule(f"there is no `{line[:40]}`", ", ".join(MACROS))
    return MACROS[line.lower()]


def _wrong_field(line: str, fields: list[str], error: str) -> BadSchedule:
    names = ("minute", "hour", "day-of-month", "month", "day-of-week")
    bounds = ("0 to 59", "0 to 23", "1 to 31", "1 to 12 or jan", "0 to 7 or mon")
    for name, field, bound in zip(names, fields, bounds, strict=True):
        if error != f"Bad {name}":
            continue
        numbers = [int(part) for part in field.split(",") if part.isascii() and part.isdigit()]
        if name == "day-of-month" and numbers and all(0 < number < 32 for number in numbers):
            return BadSchedule(f"`{line}` never comes: no such day exists", "mend day or month")
        what = f"`{field[:40]}` is no {name.replace('-', ' ')} of a cron line"
        return BadSchedule(what, f"{bound}; also *, a-b, a,b, */n")
    return BadSchedule(f"`{line[:60]}` is no cron line", "such as 0 3 * * *")


@lru_cache(512)
def zone(name: str) -> tzinfo:
    """The time zone of an IANA name. Raises BadSchedule with the nearest."""
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        hint = _nearest_zone(name) or "an IANA name such as Europe/Zurich or UTC"
        raise BadSchedule(f"there is no time zone `{name[:60]}`", hint) from None


def _nearest_zone(name: str) -> str:
    import difflib
    from zoneinfo import available_timezones

    names = available_timezones() if len(name) < 64 else set()
    lower = {each.lower(): each for each in names}
    ending = [each for each in sorted(names) if each.lower().endswith("/" + name.lower())]
    close = ending or difflib.get_close_matches(name.lower(), sorted(lower), 1, 0.6)
    return f"did you mean `{lower.get(close[0], close[0])}`?" if close else ""


def moment_of(text: str, zone_name: str) -> int:
    """The microseconds of an RFC 3339 time; one without an offset is of the zone. BadSchedule."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise BadSchedule(f"`{text[:40]}` is no time", "such as 2027-01-31T18:00:00Z") from None
    if found.tzinfo is None:
        local = found.replace(tzinfo=zone(zone_name))
        if local.astimezone(UTC).astimezone(local.tzinfo).replace(tzinfo=None) != found:
            raise BadSchedule(
                f"`{text[:40]}` does not exist in {zone_name}: the clocks are set forward then",
                "choose another time, or write its offset",
            )
        found = local
    return round(found.timestamp()) * SECOND_US


def next_after(schedule: Mapping[str, Any], after_us: int) -> int | None:
    """The first nominal moment after `after_us`; None when none comes any more."""
    if schedule["every_s"] is not None:
        step_us = round(schedule["every_s"] * SECOND_US)
        next_us: int = (after_us // step_us + 1) * step_us
        return next_us
    if schedule["cron"] is None:
        at_us: int = schedule["at_us"]
        return at_us if at_us > after_us else None
    return next(_of_cron(schedule["cron"], zone(schedule["timezone"]), after_us), None)


def moments(schedule: Mapping[str, Any], after_us: int, until_us: int) -> Iterator[int]:
    """Every nominal moment after the one and up to the other, in order."""
    if schedule["cron"] is not None:
        found = _of_cron(schedule["cron"], zone(schedule["timezone"]), after_us)
        for at_us in found:
            if at_us > until_us:
                return
            yield at_us
        return
    at: int | None = next_after(schedule, after_us)
    while at is not None and at <= until_us:
        yield at
        at = next_after(schedule, at)


class _ByClock(CronSim):
    """cronsim where clocks change within an hour or at midnight: it steps over what lies there."""

    def advance_month(self) -> None:
        """Go to the beginning of the next month that fits, which midnight may not be part of."""
        super().advance_month()
        self._be_real()

    def advance_day(self) -> bool:
        """Go to the beginning of the next day that fits."""
        has_moved = super().advance_day()
        self._be_real()
        return has_moved

    def _be_real(self) -> None:
        """A time that the clocks leave out becomes the one that they show then."""
        place = self.dt.tzinfo
        if place not in (None, UTC):
            self.dt = self.dt.astimezone(UTC).astimezone(place)

    def advance_hour(self) -> bool:
        """Go to the beginning of the next hour that fits."""
        if self.dt.hour in self.hours:
            return False
        while self.dt.hour not in self.hours:
            before = self.dt
            self.tick(seconds=3600 - 60 * before.minute - before.second)
            if self.dt.utcoffset() != before.utcoffset():
                self.dt = before.replace(second=0)
                self._walk_to_hour()
            if self.dt.hour == 0:
                break
        return True

    def _walk_to_hour(self) -> None:
        """Over a change of the clocks, minute by minute, to an hour that begins or that fits."""
        while True:
            self.tick(seconds=60)
            if self.dt.minute == 0 or self.dt.hour in self.hours:
                return

    def advance_minute(self) -> bool:
        """Go to the next minute that fits, at once where the clocks stay as they are."""
        if self.dt.minute in self.minutes:
            return False
        self.dt = self.dt.replace(second=0)
        if len(self.minutes) == 1:
            (target,) = self.minutes
            before = self.dt
            self.tick(seconds=(target - self.dt.minute) % 60 * 60)
            if self.dt.utcoffset() == before.utcoffset():
                return True
            self.dt = before
        while self.dt.minute not in self.minutes:
            self.tick(seconds=60)
            if self.dt.minute == 0:
                break
        return True


def _of_cron(line: str, place: tzinfo, after_us: int) -> Iterator[int]:
    start = datetime.fromtimestamp(after_us // SECOND_US, UTC).astimezone(place)
    last_us = after_us
    # where the clocks are set back, cronsim begins with moments that were already
    for found in _ByClock(line, start):
        if found.replace(tzinfo=UTC) > _END:
            return
        at_us = round(found.timestamp()) * SECOND_US
        if at_us > last_us:
            last_us = at_us
            yield at_us


def local_text(at_us: int, zone_name: str) -> str:
    """A moment as its zone's clocks show it, with the offset: 2027-03-28T03:00:00+02:00."""
    moment = datetime.fromtimestamp(at_us // SECOND_US, UTC)
    moment += timedelta(microseconds=at_us % SECOND_US)
    return moment.astimezone(zone(zone_name)).isoformat()


def key_text(at_us: int) -> str:
    """A nominal moment as the key of what it starts."""
    whole = datetime.fromtimestamp(at_us // SECOND_US, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    rest_us = at_us % SECOND_US
    return f"{whole}.{rest_us:06d}Z" if rest_us else f"{whole}Z"
