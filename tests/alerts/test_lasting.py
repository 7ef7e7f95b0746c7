"""What lasts: reminders until somebody knows or it is over; what runs, or is queued, for too long."""

from __future__ import annotations

import asyncio

import pytest

from engine.errors import Conflict
from engine.verbs import act
from tests.alerts.world import AlertWorld
from tests.triggers.world import us

FLOW = """
alerts: [{alert}]
{more}
steps: [{{id: a, run: 'true'}}]
"""
HOUR = 3600


def flow(alert: str, more: str = "") -> str:
    return FLOW.format(alert=alert, more=more)


def test_people_are_reminded_until_the_flow_recovers(world: AlertWorld) -> None:
    async def story() -> None:
        world.write("f", flow("{on: failed, to: ops, repeat: 1h}"))
        async with world.telling():
            await world.run("f", 1)
            await world.later(HOUR - 60)
            assert world.titles == ["f#1 failed"]
            await world.later(61)
            assert world.titles == ["f#1 failed", "f#1 failed, reminder 1"]
            assert "Nobody has acknowledged it for 1h: wingman alerts ack 1" in world.sent[1]["text"]
            assert world.engine.have_plans, "an engine that has to remind does not leave"
        world.wall_us += 5 * HOUR * 10**6  # no engine runs: that is one reminder, not five
        async with world.telling():
            assert world.titles[2:] == ["f#1 failed, reminder 2"]
            await world.run("f", 0)
            await world.later(9 * HOUR)
            assert world.titles[3:] == []

    asyncio.run(story())


def test_who_acknowledges_ends_it_until_it_has_recovered(world: AlertWorld) -> None:
    async def story() -> None:
        world.write("f", flow("{on: failed, to: [ops, chat], repeat: 1h}"))
        async with world.telling():
            alerts = world.engine.alerts
            await world.run("f", 1)
            assert len(world.sent) == 2
            row = (await world.rows())[0]
            await alerts.acknowledge(row, "ada")
            assert {row["acked_by"] for row in await world.rows()} == {"ada"}, "of both channels"
            with pytest.raises(Conflict, match="acknowledged by ada"):
                await alerts.acknowledge(await alerts.find(2), "bob")
            await world.later(HOUR + 1)
            assert len(world.sent) == 2
            await world.run("f", 1)
            assert len(world.sent) == 4, "another failure is told"
        async with world.telling():
            await world.later(2 * HOUR)
            assert len(world.sent) == 4, "but it is known that the flow fails"
            await world.run("f", 0)
            await world.run("f", 1)
            await world.later(HOUR + 1)
            assert len(world.sent) == 8, "it had recovered, and is news again"

    asyncio.run(story())


def test_the_inbox_acknowledges_too(world: AlertWorld) -> None:
    async def story() -> None:
        world.write("f", flow("{on: failed, to: ops, repeat: 1h}"))
        async with world.telling():
            await world.run("f", 1)
            inbox = world.engine.inbox
            (entry,) = (await inbox.page("open", frozenset())).entries
            await inbox.acknowledge(entry["id"], "ada", frozenset())
            await world.later(3 * HOUR)
            assert world.titles == ["f#1 failed"]
            assert not world.engine.have_plans

    asyncio.run(story())


def test_reminders_do_not_pile_up_behind_a_channel_that_is_down_or_in_quiet_hours(
    world: AlertWorld,
) -> None:
    async def story() -> None:
        quiet = 'quiet: {from: "22:00", to: "07:00"}'
        world.write("f", flow("{on: failed, to: ops, repeat: 10m, %s}" % quiet))  # noqa: UP031
        async with world.telling():
            world.down = "connection refused"
            await world.run("f", 1)
            for _ in range(6):
                await world.later(600)
            world.down = ""
            await world.later(HOUR)
            assert world.titles == ["f#1 failed"]
            await world.later(601)
            assert world.titles[1:] == ["f#1 failed, reminder 1"]
            await world.set_clock("2027-03-01T23:00:00+00:00")
            await world.told()
            assert len(world.sent) == 2
            await world.set_clock("2027-03-02T07:00:01+00:00")
            await world.told()
            assert world.titles[2:] == ["f#1 failed, reminder 2"]

    asyncio.run(story())


def test_a_long_run_is_reminded_of_while_it_runs(world: AlertWorld) -> None:
    async def story() -> None:
        world.write("f", flow("{on: long_running, after: 30m, repeat: 1h, to: ops}"))
        async with world.telling():
            id_ = await world.start("f")
            await world.later(1799)
            assert world.titles == []
            await world.later(2)
            await world.later(HOUR + 1)
            long = "f#1 takes longer than usual"
            assert world.titles == [long, f"{long}, reminder 1"]
            await world.finish(id_, 0)
            await world.later(5 * HOUR)
            assert len(world.sent) == 2

    asyncio.run(story())


def test_a_retried_execution_has_its_time_again_also_under_the_next_engine(
    world: AlertWorld,
) -> None:
    async def story() -> None:
        world.write("f", flow("{on: long_running, after: 1h, to: ops}"))
        async with world.telling():
            id_ = await world.run("f", 1)
            await world.later(9 * HOUR)
            await act(world.engine.service, id_, "retry", {}, "ada")
            await world.settle()
            await world.later(60)
        async with world.telling():
            assert world.titles == [], "its first attempt began ten hours ago, this one just now"
            await world.later(HOUR)
            assert world.titles == ["f#1 takes longer than usual"]

    asyncio.run(story())


def test_what_is_queued_for_too_long_is_told_once_and_not_when_it_starts(world: AlertWorld) -> None:
    async def story() -> None:
        limit = "concurrency: {group: one}"
        world.write("f", flow("{on: not_started, after: 10m, to: ops, repeat: 1h}", limit))
        async with world.telling():
            first = await world.start("f")
            second = await world.start("f")
            await world.later(500)
        async with world.telling():
            await world.later(101)
            assert world.titles == ["f#2 waits to be started"]
            text = world.sent[0]["text"]
            assert text.startswith("queued for 10m1s: ")
            assert "wingman why f#2" in text
            await world.later(HOUR)
            assert world.titles[1:] == ["f#2 waits to be started, reminder 1"]
            await world.finish(first, 0)
            await world.later(9 * HOUR)
            assert len(world.sent) == 2
            await world.finish(second, 0)
            await world.start("f")
            await world.later(601)
            assert len(world.sent) == 2, "what was never queued is not told"

    asyncio.run(story())


def test_a_moment_that_waits_its_turn_for_too_long_is_told(world: AlertWorld) -> None:
    async def story() -> None:
        every = 'triggers: [{schedule: "0 * * * *", overlap: queue}]'
        world.write("f", flow("{on: not_started, after: 10m, to: ops}", every))
        async with world.telling():
            await world.later(HOUR)
            (running,) = await world.executions()
            await world.later(HOUR)
            assert world.titles == []
        async with world.telling():
            await world.later(601)
            assert world.titles == ["f waits to be started"]
            assert "f:schedule at 2027-03-01T14:00:00Z has waited its turn" in world.sent[0]["text"]
            await world.finish(running["id"], 0)
            await world.later(601)
            assert len(world.sent) == 1

    asyncio.run(story())


def test_a_missed_moment_is_reminded_of_until_the_flow_runs(world: AlertWorld) -> None:
    async def story() -> None:
        nightly = 'triggers: [{schedule: "0 3 * * *", catchup: none}]'
        world.write("f", flow("{on: not_started, to: ops, repeat: 1h}", nightly))
        async with world.telling():
            pass
        world.wall_us = us("2027-03-02T08:00:00+00:00")
        async with world.telling():
            assert world.titles == ["f was not started"]
            await world.later(HOUR + 1)
            assert world.titles[1:] == ["f was not started, reminder 1"]
            await world.start("f")
            await world.later(5 * HOUR)
            assert len(world.sent) == 2

    asyncio.run(story())




@pytest.mark.parametrize("told", [True, False])
def test_a_condition_that_is_too_costly_here_is_decided_beside(
    world: AlertWorld, monkeypatch: pytest.MonkeyPatch, told: bool
) -> None:
    from engine.alerts import rules
    from engine.expression import HeavyExpression

    def heavy(text: str, *args: object, **options: object) -> None:
        raise HeavyExpression(text)

    monkeypatch.setattr(rules, "evaluate", heavy)

    async def story() -> None:
        condition = f"execution.number == {1 if told else 2}"
        world.write("f", flow(f"{{on: completed, if: {condition}, to: ops}}"))
        async with world.telling():
            await world.run("f")
            await world.later(1)
            assert world.titles == (["f#1 completed"] if told else [])
            assert [state for _, state in await world.states()] == ["sent" if told else "dropped"]
            if told:
                assert "could not be decided" not in world.sent[0]["text"]

    asyncio.run(story())


def test_a_death_before_a_costly_condition_is_decided_tells_it(
    world: AlertWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.alerts import keeper, rules
    from engine.expression import HeavyExpression

    def heavy(text: str, *args: object, **options: object) -> None:
        raise HeavyExpression(text)

    async def dies(self: object, told: object) -> None:
        """The engine is gone before it is decided."""

    monkeypatch.setattr(rules, "evaluate", heavy)
    monkeypatch.setattr(keeper.Alerts, "_decide", dies)

    async def story() -> None:
        world.write("f", flow("{on: completed, if: 'execution.number > 5', to: ops}"))
        async with world.telling():
            await world.run("f")
            assert world.titles == []
        world.wall_us += 60 * 10**6
        async with world.telling():
            assert world.titles == ["f#1 completed"]
            assert "could not be decided (execution.number > 5)" in world.sent[0]["text"]

    asyncio.run(story())
