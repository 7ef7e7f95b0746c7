"""Several alerts as one message: within a window, or held back in quiet hours."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from engine.alerts.messages import Alert, bundled
from engine.alerts.quiet import quiet_until_us
from tests.alerts.world import AlertWorld
from tests.triggers.world import us

FLOW = """
alerts: [{alert}]
steps: [{{id: a, run: 'true'}}]
"""
GROUPED = FLOW.format(alert="{on: [failed, cancelled], to: ops, group: 5m}")
QUIET = FLOW.format(
    alert='{on: [failed, recovered], to: ops, quiet: {from: "22:00", to: "07:00"}}'
)


def test_what_comes_within_a_window_is_one_message_with_counts(world: AlertWorld) -> None:
    async def story() -> None:
        world.write("load", GROUPED)
        async with world.telling():
            for _ in range(3):
                await world.run("load", 3)
                await world.later(60)
            assert world.titles == []
            await world.later(180)
            assert world.titles == ["load: 3 failed (#1 to #3)"]
            assert world.sent[0]["text"].count("exited with 3") == 3
            rows = await world.rows()
            assert {row["state"] for row in rows} == {"sent"}
            assert {row["leader"] for row in rows} == {rows[0]["id"]}
            await world.run("load", 3)
            await world.later(301)
            assert world.titles[1:] == ["load#4 failed"], "one alone is told as itself"

    asyncio.run(story())


def test_a_message_stays_as_it_is_while_its_channel_is_down_for_an_hour(world: AlertWorld) -> None:
    async def story() -> None:
        world.write("load", GROUPED)
        world.down = "connection refused"
        async with world.telling():
            await world.run("load", 3)
            await world.run("load", 3)
            await world.later(301)
            await world.run("load", 3)  # nothing of it waits for the channel
        for minutes in (10, 20, 30):
            await_again = world.telling()
            async with await_again:
                await world.later(minutes * 60)
                assert world.sent == []
        world.down = ""
        async with world.telling():
            await world.later(3600)
            assert world.titles == ["load: 2 failed (#1 to #2)", "load#3 failed"]
            rows = await world.rows()
            assert [row["state"] for row in rows] == ["sent"] * 3
            assert rows[0]["tries"] > 3
            assert len({order["key"] for order in world.sent}) == 2

    asyncio.run(story())


def test_quiet_hours_hold_back_and_drop_what_is_over_by_their_end(world: AlertWorld) -> None:
    async def story() -> None:
        for name in ("one", "two", "heals"):
            world.write(name, QUIET)
        async with world.telling():
            await world.run("one", 1)
            assert world.titles == ["one#1 failed"], "it is noon"
            await world.set_clock("2027-03-01T23:30:00+00:00")
            await world.run("heals", 1)
            await world.run("two", 1)
            await world.run("one", 1)
            await world.run("heals", 0)
            assert len(world.sent) == 1
            assert {state for _, state in (await world.states())[1:]} == {"waiting"}
        await world_sleeps(world, "2027-03-02T07:00:01+00:00")
        async with world.telling():
            assert world.titles[1:] == ["2 flows: 2 failed"]
            text = world.sent[1]["text"]
            assert "two#1 failed" in text
            assert "one#2 failed" in text
            assert "heals" not in text
            assert [s for t, s in await world.states() if "heals" in t] == ["dropped"] * 2
            await world.run("one", 0)
            assert world.titles[2:] == ["one#3 has recovered"]

    asyncio.run(story())


def test_what_falls_due_late_is_not_sent_in_quiet_hours_either(world: AlertWorld) -> None:
    async def story() -> None:
        world.write("one", QUIET)
        world.wall_us = us("2027-03-01T21:59:00+00:00")
        world.down = "no answer"
        async with world.telling():
            await world.run("one", 1)
        world.down = ""
        world.wall_us = us("2027-03-01T22:10:00+00:00")
        async with world.telling():
            assert world.sent == []
            await world.set_clock("2027-03-02T07:00:01+00:00")
            await world.told()
            assert world.titles == ["one#1 failed"]

    asyncio.run(story())


async def world_sleeps(world: AlertWorld, until: str) -> None:
    """No engine runs until then."""
    gone = us(until) - world.wall_us
    world.wall_us += gone
    world.elapsed_us += gone


HOURS = {"from": 22 * 60, "to": 7 * 60, "timezone": "Europe/Zurich", "days": list(range(7))}
WEEKEND = {"from": 0, "to": 1440, "timezone": "UTC", "days": [5, 6]}


@pytest.mark.parametrize(("hours", "at", "until"), [
    (HOURS, "2027-01-05T12:00:00+01:00", None),
    (HOURS, "2027-01-05T21:59:59+01:00", None),
    (HOURS, "2027-01-05T22:00:00+01:00", "2027-01-06T07:00:00+01:00"),
    (HOURS, "2027-01-06T06:59:59+01:00", "2027-01-06T07:00:00+01:00"),
    (HOURS, "2027-01-06T07:00:00+01:00", None),
    (HOURS, "2027-03-27T23:00:00+01:00", "2027-03-28T07:00:00+02:00"),  # an hour shorter
    (HOURS, "2027-10-30T23:00:00+02:00", "2027-10-31T07:00:00+01:00"),  # an hour longer
    (WEEKEND, "2027-01-08T23:59:00+00:00", None),
    (WEEKEND, "2027-01-09T00:00:00+00:00", "2027-01-11T00:00:00+00:00"),  # both days as one
    ({**HOURS, "days": [4]}, "2027-01-09T03:00:00+01:00", "2027-01-09T07:00:00+01:00"),
    ({**HOURS, "days": [4]}, "2027-01-10T03:00:00+01:00", None),
    ({"from": 0, "to": 1440, "timezone": "UTC", "days": list(range(7))},
     "2027-01-09T03:00:00+00:00", "2027-01-17T00:00:00+00:00"),  # all days: looked at weekly
    (None, "2027-01-09T03:00:00+00:00", None),
])  # fmt: skip
def test_quiet_hours_by_the_clocks_of_their_zone(
    hours: dict[str, object] | None, at: str, until: str | None
) -> None:
    found = quiet_until_us(hours, us(at))
    assert found == (None if until is None else us(until))


def test_a_message_of_very_many_names_the_newest_and_counts_all() -> None:
    alerts = [
        Alert(n, "load", n, "failed", f"load#{n} failed", "a: exit:1: no\non db1\n\nx", n * 10**6)
        for n in range(1, 101)
    ]  # fmt: skip
    title, text = bundled(alerts, is_quiet=False, zone=UTC)
    assert title == "load: 100 failed (#1 to #100)"
    assert text.splitlines()[0] == "80 earlier ones: wingman alerts"
    assert "Thu 00:01:40 load#100 failed: a: exit:1: no" in text
    assert text.endswith("on db1\n\nwingman why load")
    assert datetime.fromtimestamp(100, UTC)
