"""Schedules with a real journal and a clock that is set: each moment once, whatever happens."""

from __future__ import annotations

import asyncio
import random

import pytest

from engine.errors import Conflict, Unavailable, UnknownReference
from tests.triggers.world import SECOND_US, World, us

STEPS = "steps: [{id: a, run: 'true'}]\n"
HOURLY = "triggers: [{schedule: '0 * * * *', overlap: allow}]\n" + STEPS
HOUR_S = 3600.0
NAME = "f:schedule"


def hourly(**more: str) -> str:
    words = "".join(f", {key}: {value}" for key, value in more.items())
    return f"triggers: [{{schedule: '0 * * * *'{words}}}]\n{STEPS}"


async def test_a_moment_starts_the_flow_once_and_the_ledger_tells_it(world: World) -> None:
    world.write("f", HOURLY)
    async with world.serving():
        await world.passes(HOUR_S - 1)
        assert await world.ledger(NAME) == []
        await world.passes(1)
        await world.look()
        assert await world.ledger(NAME) == [("2027-03-01T01:00", "ran", 1)]
        (found,) = await world.executions()
        assert (found["flow"], found["trigger"], found["actor"]) == ("f", "schedule", NAME)
        (row,) = await world.rows(NAME)
        assert (row["execution"], row["label"]) == (found["id"], "f#1")
        shown = world.keeper.showing.shown(world.keeper.find("f"))
        assert shown["next"] == "2027-03-01T02:00:00.000000Z"


async def test_a_file_run_directly_arms_nothing_and_the_standard_flows_neither(
    world: World,
) -> None:
    async with world.serving():
        await world.engine.service.start({"text": f"name: f\n{HOURLY}", "source": "/f.yaml"}, "me")
        assert not world.keeper.triggers
        assert not world.keeper.needs_engine


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("none", [("01:00", "missed", 3)]),
        ("latest", [("01:00", "skipped", 2), ("03:00", "late", 1)]),
        ("all", [("01:00", "late", 1), ("02:00", "late", 1), ("03:00", "late", 1)]),
    ],
)
async def test_moments_without_an_engine_are_made_up_for_by_the_policy(
    world: World, policy: str, expected: list[tuple[str, str, int]]
) -> None:
    world.write("f", hourly(catchup=policy, catchup_window="6h", overlap="allow"))
    async with world.serving():
        pass
    world.wall_us += round(3.5 * HOUR_S) * 1_000_000
    async with world.serving():
        found = await world.ledger(NAME)
        assert [(at[11:], outcome, times) for at, outcome, times in found] == expected
        assert all("no engine ran" in row["reason"] for row in await world.rows(NAME))
    async with world.serving():  # decided once
        assert len(await world.ledger(NAME)) == len(expected)


async def test_a_clock_that_is_set_back_repeats_nothing(world: World) -> None:
    world.write("f", HOURLY)
    async with world.serving():
        await world.passes(HOUR_S)
        await world.passes(HOUR_S)
        await world.set_clock("2027-03-01T00:30:00+00:00")
        await world.passes(HOUR_S)
        await world.passes(HOUR_S)
        found = await world.ledger(NAME)
        assert [at[11:] for at, _, _ in found] == ["01:00", "02:00"]
        assert len(await world.executions()) == 2
        await world.passes(HOUR_S / 2)
        assert (await world.ledger(NAME))[-1] == ("2027-03-01T03:00", "ran", 1)


async def test_a_clock_that_was_years_ahead_is_corrected_and_repeats_nothing(world: World) -> None:
    world.write("f", HOURLY)
    async with world.serving():
        await world.passes(HOUR_S)  # 01:00 ran
        await world.set_clock("2037-03-01T00:00:00+00:00")
        ahead = await world.executions()
        await world.set_clock("2027-03-01T00:30:00+00:00")
        await world.passes(HOUR_S / 2)  # 01:00 again: it has run
        assert await world.executions() == ahead
        await world.passes(HOUR_S)  # 02:00 was missed by the wrong clock; now it comes
        assert len(await world.executions()) == len(ahead) + 1
    world.wall_us -= 30 * 24 * 3600 * 1_000_000
    async with world.serving():
        await world.passes(HOUR_S)
        assert len(await world.executions()) == len(ahead) + 2


async def test_a_clock_that_is_set_back_in_small_steps_was_wrong_all_the_same(world: World) -> None:
    world.write("f", HOURLY)
    async with world.serving():
        await world.passes(8 * HOUR_S)
        for hour in ("06", "04"):  # each by two hours, which alone would be waited for
            await world.set_clock(f"2027-03-01T{hour}:00:00+00:00")
        await world.passes(HOUR_S)  # 05:00 again, by a clock that is right
        made = await world.executions()
        await world.passes(4 * HOUR_S)
        found = await world.ledger(NAME)
        assert len({at for at, _, _ in found}) == len(found)
        assert len(await world.executions()) > len(made)


async def test_a_clock_that_is_set_ahead_is_acted_on_at_once(world: World) -> None:
    world.write("f", hourly(overlap="allow"))
    async with world.serving():
        world.wall_us += round(HOUR_S) * SECOND_US
        world.engine.clock_was_set()  # as `ClockSet` calls it; the timer would look in a minute
        await world.settle()
        assert await world.ledger(NAME) == [("2027-03-01T01:00", "ran", 1)]


async def test_a_clock_that_jumps_ahead_is_caught_up_with(world: World) -> None:
    world.write("f", hourly(catchup="all", catchup_window="2h", overlap="allow"))
    async with world.serving():
        await world.set_clock("2027-03-01T05:30:00+00:00")
        found = await world.ledger(NAME)
        assert [(at[11:], what, n) for at, what, n in found] == [
            ("01:00", "missed", 3), ("04:00", "late", 1), ("05:00", "late", 1)]  # fmt: skip
        assert "clock was set forward" in (await world.rows(NAME))[0]["reason"]


async def test_while_one_runs_the_next_is_skipped_and_says_who_is_in_the_way(world: World) -> None:
    world.write("f", hourly())
    async with world.serving():
        await world.passes(HOUR_S)
        await world.passes(HOUR_S)
        (first, second) = await world.rows(NAME)
        assert (second["outcome"], second["reason"]) == ("skipped", "overlap: skip; f#1 still runs")
        await world.finish(first["execution"])
        await world.passes(HOUR_S)
        assert [row["outcome"] for row in await world.rows(NAME)] == ["ran", "skipped", "ran"]


async def test_queued_moments_start_one_after_the_other_also_after_a_restart(world: World) -> None:
    world.write("f", hourly(overlap="queue"))
    async with world.serving():
        for _ in range(3):
            await world.passes(HOUR_S)
        assert [row["outcome"] for row in await world.rows(NAME)] == ["ran", "waiting", "waiting"]
    async with world.serving():
        rows = await world.rows(NAME)
        assert [row["outcome"] for row in rows] == ["ran", "waiting", "waiting"]
        await world.finish(rows[0]["execution"])
        rows = await world.rows(NAME)
        assert [row["outcome"] for row in rows] == ["ran", "late", "waiting"]
        await world.finish(rows[1]["execution"])
        rows = await world.rows(NAME)
        assert [row["outcome"] for row in rows] == ["ran", "late", "ran"]
        assert len(await world.executions()) == 3


async def test_a_new_moment_cancels_what_runs_where_it_is_told_to(world: World) -> None:
    world.write("f", hourly(overlap="cancel_running"))
    async with world.serving():
        await world.passes(HOUR_S)
        await world.passes(HOUR_S)
        await world.settle()
        first, second = await world.executions()
        assert first["state"] == "cancelled"
        assert "overlap: cancel_running" in str(first["error"])
        assert second["state"] == "running"
        assert [row["outcome"] for row in await world.rows(NAME)] == ["ran", "ran"]


async def test_a_paused_schedule_starts_nothing_and_says_so_when_it_goes_on(world: World) -> None:
    world.write("f", HOURLY)
    async with world.serving():
        await world.keeper.pause("f", "ada", "too loud")
        with pytest.raises(Conflict, match="paused already, by ada"):
            await world.keeper.pause("f", "bob", "")
        await world.passes(2 * HOUR_S)
        assert not world.keeper.needs_engine
    async with world.serving():  # a pause outlives the engine
        await world.passes(HOUR_S)
        assert await world.executions() == []
        await world.keeper.continue_("f", "ada", "")
        await world.passes(HOUR_S)
        assert await world.ledger(NAME) == [
            ("2027-03-01T01:00", "skipped", 3), ("2027-03-01T04:00", "ran", 1)]  # fmt: skip
        assert (await world.rows(NAME))[0]["reason"] == "paused by ada: too loud"
        with pytest.raises(Conflict, match="not paused"):
            await world.keeper.continue_("f", "ada", "")


async def test_a_condition_that_is_false_is_told_with_its_values(world: World) -> None:
    world.write("f", hourly(**{"if": "event.date == '2027-03-02'"}))
    async with world.serving():
        await world.passes(HOUR_S)
        (row,) = await world.rows(NAME)
        assert row["outcome"] == "skipped"
        assert row["reason"] == (
            "if: event.date == '2027-03-02' is false (event.date = \"2027-03-01\" (text))"
        )


async def test_inputs_come_from_the_moment_as_its_zone_shows_it(world: World) -> None:
    world.write("f", "inputs: {at: {type: string}, n: {type: integer, maximum: 5}}\n"
                "triggers: [{schedule: '0 1 * * *', timezone: Asia/Kolkata, inputs: "
                "{at: 'day ${{ event.date }}', n: '${{ size(event.at) }}'}},"
                "{schedule: '0 1 * * *', inputs: {at: x, n: 3}}]\n" + STEPS)  # fmt: skip
    async with world.serving():
        await world.passes(HOUR_S)
        await world.passes(18.5 * HOUR_S)
        (row,) = await world.rows("f:schedule")
        assert row["outcome"] == "missed"
        assert "`n`" in row["reason"], "an input that does not fit is told"
        (found,) = await world.executions()
        assert found["inputs"] == {"at": "x", "n": 3}


async def test_a_broken_file_keeps_its_triggers_and_its_last_good_version(world: World) -> None:
    world.write("f", HOURLY)
    async with world.serving():
        version = world.keeper.find("f").version
        path = world.write("f", HOURLY.replace("steps", "stepps"))
        await world.edited()
        assert "has errors" in world.keeper.find("f").problem
        assert "`steps` is missing" in world.keeper.find("f").problem
        await world.passes(HOUR_S)
    async with world.serving():
        assert "has errors" in world.keeper.find("f").problem
        await world.passes(HOUR_S)
        assert [found["version"] for found in await world.executions()] == [version] * 2
        world.write("f", HOURLY)
        await world.edited()
        assert world.keeper.find("f").problem == ""
        path.unlink()
        await world.edited()
        with pytest.raises(UnknownReference):
            world.keeper.find("f")
        await world.passes(HOUR_S)
        assert len(await world.executions()) == 2


async def test_an_edit_that_changes_the_schedule_counts_from_then(world: World) -> None:
    path = world.write("f", HOURLY)
    async with world.serving():
        await world.passes(HOUR_S)
        world.write("f", HOURLY.replace("'0 * * * *'", "'30 0 * * *'"))
        await world.edited()
        await world.look()
        assert len(await world.ledger(NAME)) == 1, "half past midnight is over"
        other = path.with_name("other.yaml")
        other.write_text(path.read_text())
        await world.edited()
        assert "is a flow of the same name" in world.keeper.find("f").problem
        other.unlink()
        world.write("f", HOURLY + "tags: [x]\n")
        await world.edited()
        assert world.keeper.find("f").problem == ""
        await world.passes(HOUR_S)
        assert [at[11:] for at, _, _ in await world.ledger(NAME)] == ["01:00", "02:00"]


async def test_what_cannot_start_now_is_tried_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.write("f", hourly(catchup="latest", catchup_window="10m", overlap="allow"))
    async with world.serving():
        service = world.engine.service
        monkeypatch.setattr(service, "check_start", _full)
        await world.passes(HOUR_S)
        assert await world.ledger(NAME) == []
        assert world.keeper.showing.rows()[0]["problem"] == "the disk is full"
        monkeypatch.undo()
        await world.passes(120)
        assert await world.ledger(NAME) == [("2027-03-01T01:00", "late", 1)]
        assert (await world.rows(NAME))[0]["reason"] == "the disk is full"
        assert world.keeper.showing.rows()[0]["problem"] == ""


def _full(*start: object) -> None:
    raise Unavailable("the disk is full")


async def test_ten_thousand_seconds_of_chaos_start_each_moment_at_most_once(world: World) -> None:
    """Restarts, pauses, edits and clocks that are set, from a seed."""
    chance = random.Random(7)
    world.write("f", "triggers: [{every: 1m, overlap: allow, catchup: all, catchup_window: 2h}]\n"
                + STEPS)  # fmt: skip
    for _ in range(6):
        async with world.serving():
            for _ in range(12):
                event = chance.randrange(8)
                if event == 0:
                    world.wall_us -= chance.randrange(1, 20_000) * 1_000_000
                    world.keeper.each_minute()
                elif event == 1:
                    world.wall_us += chance.randrange(1, 20_000) * 1_000_000
                elif event == 2:
                    world.write("f", (world.home.flows / "f.yaml").read_text().split("\n", 1)[1]
                                + "#\n")  # fmt: skip
                    await world.edited()
                await world.passes(chance.randrange(1, 200))
    async with world.serving():
        rows = [row for row in await world.rows("f:schedule") if row["execution"]]
        made = await world.executions()
        assert len(made) > 50
        assert len({row["key"] for row in rows}) == len(rows)
        assert {row["execution"] for row in rows} == {found["id"] for found in made[-len(rows) :]}


async def test_many_that_are_due_at_once_let_the_engine_breathe(world: World) -> None:
    for n in range(40):
        world.write(f"f{n}", "triggers: [{every: 1h}]\n" + STEPS)
    async with world.serving():
        beats = 0

        async def beat() -> None:
            nonlocal beats
            while True:
                await asyncio.sleep(0)
                beats += 1

        task = asyncio.create_task(beat())
        await world.passes(HOUR_S)
        task.cancel()
        assert len(await world.executions()) == 40
        assert beats > 10
        assert us("2027-03-01T01:00:00+00:00") == world.wall_us


async def test_what_jitter_has_still_to_start_comes_next(world: World) -> None:
    world.write("f", "triggers: [{schedule: '0 0 * * *', jitter: 23h}]\n" + STEPS)
    async with world.serving():
        schedules, trigger = world.keeper.schedules, world.keeper.triggers[NAME]
        await world.passes(24 * HOUR_S + 60)  # of midnight, a minute ago, the start is to come
        first, second = schedules.preview(trigger, 2)
        assert (first["at"], second["at"]) == ("2027-03-02T00:00:00Z", "2027-03-03T00:00:00Z")
        assert world.keeper.showing.rows()[0]["next"] == first["starts"] > first["at"]
        due_us = us(first["starts"][:19] + "+00:00")
        await world.passes((due_us - world.wall_us) / SECOND_US + 2)
        assert (await world.ledger(NAME))[-1] == ("2027-03-02T00:00", "ran", 1)
        assert schedules.preview(trigger, 1)[0]["at"] == "2027-03-03T00:00:00Z"
