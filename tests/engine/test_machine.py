"""The machine's window and gauges: real figures, of running steps too; nothing when nobody looks."""

from __future__ import annotations

import asyncio

from engine.gauges import DRAWN, Gauges
from engine.paths import Home
from tests.engine.api import Engine, until
from tests.engine.feeds import PATIENCE_S, feed_of


def test_a_running_step_is_measured_while_somebody_looks(engine: Engine, home: Home) -> None:
    started = engine.start("steps: [{id: spin, run: 'while :; do :; done'}]")

    async def look() -> None:
        async with asyncio.timeout(PATIENCE_S), feed_of(home) as feed:
            await feed.open(1, "machine")
            frame = await feed.next()
            assert "cpu" in frame["history"]
            while not any(row["cpu"] > 0.1 for row in frame["steps"]):
                frame = await feed.next()
            (row,) = frame["steps"]
            assert (row["id"], row["path"]) == (started["id"], "spin")
            assert row["rss_bytes"] > 100_000
            assert 0 < frame["gauges"]["cpu"] <= 1
            assert frame["gauges"]["running_steps"] == 1
            await asyncio.to_thread(engine.act, started["id"], "kill")
            while frame["steps"]:
                frame = await feed.next()

    asyncio.run(look())


def test_how_busy_the_machine_is_is_told_as_long_as_a_step_runs(engine: Engine, home: Home) -> None:
    async def look() -> None:
        async with asyncio.timeout(PATIENCE_S), feed_of(home) as feed:
            await feed.open(1, "gauges")
            assert (await feed.next())["shares"] == {}, "nobody has anything measured"
            started = await asyncio.to_thread(engine.start, "steps: [{id: a, run: sleep 60}]")
            shares = (await feed.next())["shares"]
            assert shares.keys() == {"cpu", "memory"}
            assert all(share % 5 == 0 and 0 <= share <= 100 for share in shares.values())
            await asyncio.to_thread(engine.act, started["id"], "kill")
            while shares:
                shares = (await feed.next())["shares"]

    asyncio.run(look())


def test_gauges_are_sampled_only_while_somebody_looks_or_a_step_runs(home: Home) -> None:
    home.create()
    running = 0

    async def watch() -> None:
        nonlocal running
        gauges = Gauges(home.data, lambda: running)
        gauges.wake()
        assert gauges._task is None
        gauges.look()
        task = gauges._task
        assert task is not None
        sampled = asyncio.Event()
        gauges.observers.append(sampled.set)
        await sampled.wait()
        assert set(gauges.history()) == set(DRAWN)
        assert all(len(values) == len(gauges.samples) for values in gauges.history().values())
        gauges.look_away()
        await task
        running = 1
        gauges.wake()
        assert gauges._task is not task
        running = 0
        assert gauges._task is not None
        await gauges._task

    asyncio.run(watch())


def test_the_route_answers_at_once(engine: Engine) -> None:
    found = engine.get("/v1/machine")
    assert found["memory_total_bytes"] > found["memory_used_bytes"] > 0
    assert len(found["cores"]) >= 1
    until(lambda: engine.get("/v1/machine")["cpu"] >= 0, "a share")
