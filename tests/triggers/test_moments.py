"""The moments of schedules against a model of Debian's cron that walks every minute."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.triggers.moments import (
    BadSchedule,
    check_cron,
    local_text,
    moment_of,
    moments,
    next_after,
    zone,
)

SECOND_US = 1_000_000
# zones whose clocks change at 02:00, 01:00 UTC, midnight, by half an hour, and not at all
ZONES = (
    "Europe/Zurich", "Europe/London", "America/New_York", "America/Santiago", "Asia/Beirut",
    "Australia/Lord_Howe", "Africa/Cairo", "Pacific/Chatham", "Asia/Kolkata", "UTC",
)  # fmt: skip


def schedule(line: str, zone_name: str = "UTC", **more: Any) -> dict[str, Any]:
    return {"cron": line, "every_s": None, "at_us": None, "timezone": zone_name, **more}


def us(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp()) * SECOND_US


def texts(line: str, zone_name: str, begin: str, end: str) -> list[str]:
    found = moments(schedule(line, zone_name), us(begin), us(end))
    return [local_text(at_us, zone_name) for at_us in found]


# -- a model that shares nothing with cronsim --


@cache
def values(field: str, least: int, most: int) -> frozenset[int]:
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        if span == "*":
            low, high = least, most
        elif "-" in span:
            low, high = map(int, span.split("-"))
        else:
            low, high = int(span), most if step else int(span)
        found |= set(range(low, high + 1, int(step or 1)))
    return frozenset(found)


def fits(local: datetime, fields: list[str]) -> bool:
    minute, hour, day, month, weekday = fields
    days = local.day in values(day, 1, 31)
    weekdays = local.isoweekday() % 7 in {n % 7 for n in values(weekday, 0, 7)}
    both = day.startswith("*") or weekday.startswith("*")
    return (
        local.minute in values(minute, 0, 59)
        and local.hour in values(hour, 0, 23)
        and local.month in values(month, 1, 12)
        and (days and weekdays if both else days or weekdays)
    )


def model(line: str, zone_name: str, begin: datetime, end: datetime) -> Iterator[datetime]:
    """As Debian's cron: with a `*` in minute or hour by the clock, else once a wall-clock time,
    and what falls into a gap as soon as it is over."""
    fields, place = line.split(), ZoneInfo(zone_name)
    by_clock = fields[0].startswith("*") or fields[1].startswith("*")
    found: set[datetime] = set()
    if by_clock:
        at = begin + timedelta(minutes=1)
        while at <= end:
            if fits(at.astimezone(place), fields):
                found.add(at)
            at += timedelta(minutes=1)
    else:
        wall = begin.astimezone(place).replace(tzinfo=None) - timedelta(hours=26)
        last = end.astimezone(place).replace(tzinfo=None) + timedelta(hours=26)
        while wall <= last:
            if fits(wall, fields):
                shown = wall
                while real(shown, place).astimezone(place).replace(tzinfo=None) != shown:
                    shown += timedelta(minutes=1)
                if begin < real(shown, place) <= end:
                    found.add(real(shown, place))
            wall += timedelta(minutes=1)
    yield from sorted(found)


def real(wall: datetime, place: ZoneInfo) -> datetime:
    return wall.replace(tzinfo=place, fold=0).astimezone(UTC)


def field(least: int, most: int) -> st.SearchStrategy[str]:
    number = st.integers(least, most)
    span = st.tuples(number, number).map(lambda p: f"{min(p)}-{max(p)}")
    steps = st.integers(2, max(2, most // 2)).map(lambda n: f"*/{n}")
    one = st.one_of(number.map(str), span)
    return st.one_of(st.just("*"), steps, one, st.lists(one, min_size=2, max_size=3).map(",".join))


LINES = st.builds(
    " ".join,
    st.tuples(field(0, 59), field(0, 5), st.one_of(st.just("*"), field(1, 31)), st.just("*"),
              st.one_of(st.just("*"), field(0, 7))),
)  # fmt: skip


def nights() -> list[tuple[str, datetime]]:
    """Every night of 2027 on which the clocks of one of the zones are changed, and one more."""
    found = []
    for name in ZONES:
        place, at = ZoneInfo(name), datetime(2027, 1, 1, tzinfo=UTC)
        while at.year == 2027:
            after = at + timedelta(days=1)
            if at.astimezone(place).utcoffset() != after.astimezone(place).utcoffset():
                found.append((name, at))
            at = after
    # the day that was left out where the date line was moved
    found.append(("Pacific/Apia", datetime(2011, 12, 29, tzinfo=UTC)))
    return found


NIGHTS = nights()


def test_the_zones_have_nights_to_test() -> None:
    assert len(NIGHTS) >= 14


@settings(max_examples=60, deadline=None)
@given(line=LINES, night=st.sampled_from(NIGHTS), ahead=st.integers(0, 1500))
def test_nights_that_change_the_clocks_are_as_in_debians_cron(
    line: str, night: tuple[str, datetime], ahead: int
) -> None:
    zone_name, day = night
    try:
        check_cron(line)
    except BadSchedule:
        return
    begin, end = day - timedelta(minutes=ahead), day + timedelta(days=2)
    ours = moments(schedule(line, zone_name), us(begin.isoformat()), us(end.isoformat()))
    theirs = model(line, zone_name, begin, end)
    assert list(ours) == [round(at.timestamp()) * SECOND_US for at in theirs]


@settings(max_examples=100, deadline=None)
@given(line=LINES, night=st.sampled_from(NIGHTS), steps=st.lists(st.integers(1, 5000), max_size=8))
def test_the_same_moments_come_wherever_the_looking_begins(
    line: str, night: tuple[str, datetime], steps: list[int]
) -> None:
    zone_name, day = night
    what, at_us = schedule(line, zone_name), us(day.isoformat())
    end_us = at_us + sum(steps) * SECOND_US
    whole = list(moments(what, at_us, end_us))
    parts: list[int] = []
    for step in steps:
        parts += moments(what, at_us, at_us + step * SECOND_US)
        at_us += step * SECOND_US
    assert parts == whole


def test_clocks_that_change_by_half_an_hour_lose_no_minute() -> None:
    """cronsim alone begins the hours of the days after such a night at half past."""
    night = ("2027-04-03T12:00+00:00", "2027-04-05T00:00+00:00")
    found = texts("* 0 * * *", "Australia/Lord_Howe", *night)
    assert len(found) == 120
    assert texts("45 * * * *", "Australia/Lord_Howe", *night)[2:5] == [
        "2027-04-04T01:45:00+11:00", "2027-04-04T01:45:00+10:30", "2027-04-04T02:45:00+10:30",
    ]  # fmt: skip


def test_clocks_that_change_within_an_hour_lose_no_minute() -> None:
    """Chatham's clocks go from 02:45 to 03:45, and back from 03:45 to 02:45."""
    spring = texts("* */2 * * *", "Pacific/Chatham", "2027-09-25T12:00+00:00",
                   "2027-09-25T15:14+00:00")  # fmt: skip
    assert [text[11:16] for text in spring][-60:] == [f"04:{n:02}" for n in range(60)]
    autumn = texts("*/15 2 * * *", "Pacific/Chatham", "2027-04-03T12:00+00:00",
                   "2027-04-03T20:00+00:00")  # fmt: skip
    assert [text[11:16] for text in autumn] == ["02:00", "02:15", "02:30", "02:45", "02:45"]


def test_a_day_without_midnight_has_no_moment_there_by_the_clock() -> None:
    night = ("2027-03-27T20:00+00:00", "2027-03-28T00:00+00:00")
    assert texts("*/30 */2 * * *", "Asia/Beirut", *night)[-2:] == [
        "2027-03-28T02:00:00+03:00", "2027-03-28T02:30:00+03:00"]  # fmt: skip
    assert texts("0 0 * * 0", "Asia/Beirut", *night) == ["2027-03-28T01:00:00+03:00"]


def test_a_day_that_a_zone_has_left_out_is_made_up_for_when_it_is_over() -> None:
    """Samoa went from Thursday 29 to Saturday 31 December 2011."""
    days = ("2011-12-29T10:00+00:00", "2011-12-31T10:00+00:00")
    assert texts("30 3 * * *", "Pacific/Apia", *days) == [
        "2011-12-29T03:30:00-10:00", "2011-12-31T00:00:00+14:00", "2011-12-31T03:30:00+14:00",
    ]  # fmt: skip
    assert texts("0 */12 * * *", "Pacific/Apia", *days)[:3] == [
        "2011-12-29T12:00:00-10:00", "2011-12-31T00:00:00+14:00", "2011-12-31T12:00:00+14:00",
    ]  # fmt: skip


def test_the_nights_of_zurich() -> None:
    spring = ("2027-03-27T12:00+00:00", "2027-03-28T12:00+00:00")
    autumn = ("2027-10-30T12:00+00:00", "2027-10-31T12:00+00:00")
    assert texts("30 2 * * *", "Europe/Zurich", *spring) == ["2027-03-28T03:00:00+02:00"]
    assert texts("0,30 2 * * *", "Europe/Zurich", *spring) == ["2027-03-28T03:00:00+02:00"]
    assert texts("30 2 * * *", "Europe/Zurich", *autumn) == ["2027-10-31T02:30:00+02:00"]
    hourly = texts("0 * * * *", "Europe/Zurich", *autumn)
    assert "2027-10-31T02:00:00+02:00" in hourly
    assert "2027-10-31T02:00:00+01:00" in hourly
    assert len(hourly) == 24


def test_intervals_are_counted_from_1970_and_single_moments_come_once() -> None:
    every = {"cron": None, "every_s": 900.0, "at_us": None, "timezone": "UTC"}
    at_us = us("2027-01-01T00:07:00+00:00")
    found = list(moments(every, at_us, at_us + 3600 * SECOND_US))
    assert [local_text(each, "UTC")[11:16] for each in found] == ["00:15", "00:30", "00:45", "01:00"]
    once = {"cron": None, "every_s": None, "at_us": at_us, "timezone": "UTC"}
    assert next_after(once, at_us - 1) == at_us
    assert next_after(once, at_us) is None


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("0 0 30 2 *", "never comes"),
        ("0 0 31 4,6,9,11 *", "never comes"),
        ("60 * * * *", "`60` is no minute"),
        ("* 24 * * *", "`24` is no hour"),
        ("* * 0 * *", "no day"),
        ("* * * 13 *", "no month"),
        ("* * * * 8", "no day of week"),
        ("5-1 * * * *", "no minute"),
        ("* * * *", "five fields, not 4"),
        ("0 * * * * *", "five fields, not 6"),
        ("@reboot", "no moment"),
        ("@dayly", "there is no"),
        ("", "five fields"),
        ("* * ²L * *", "no day of month"),
    ],
)
def test_a_line_that_cannot_be_is_refused_with_its_reason(line: str, what: str) -> None:
    with pytest.raises(BadSchedule, match=what) as caught:
        check_cron(line)
    assert caught.value.hint


@given(st.text(alphabet="0123456789*/-,LW#@ a²\n", max_size=30))
def test_no_text_breaks_the_reader_of_cron_lines(line: str) -> None:
    with suppress(BadSchedule):
        check_cron(check_cron(line))


def test_days_that_are_rare_are_found() -> None:
    found = next_after(schedule("0 0 29 2 *"), us("2096-03-01T00:00+00:00"))
    assert found is not None
    assert local_text(found, "UTC")[:10] == "2104-02-29"
    assert check_cron("@daily") == "0 0 * * *"


@pytest.mark.parametrize("name", ["Zurich", "../../etc/passwd", "", "\0", "Mars/Olympus"])
def test_a_zone_that_does_not_exist_is_refused(name: str) -> None:
    with pytest.raises(BadSchedule, match="no time zone"):
        zone(name)


def test_a_moment_without_an_offset_is_of_the_zone() -> None:
    assert moment_of("2027-07-01T12:00", "Europe/Zurich") == us("2027-07-01T10:00+00:00")
    assert moment_of("2027-07-01T12:00Z", "Europe/Zurich") == us("2027-07-01T12:00+00:00")
    with pytest.raises(BadSchedule, match="does not exist in Europe/Zurich"):
        moment_of("2027-03-28T02:30", "Europe/Zurich")
    with pytest.raises(BadSchedule, match="is no time"):
        moment_of("tomorrow", "UTC")
