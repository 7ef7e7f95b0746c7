"""A moment that was missed is told, once."""

from __future__ import annotations

import asyncio

import pytest

from engine.paths import Home
from tests.triggers.world import World

FLOW = """
triggers: [{schedule: "0 3 * * *", catchup: none}]
alerts: [{on: not_started, to: [ops]}]
steps: [{id: a, run: 'true'}]
"""


def test_a_missed_schedule_is_told(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(home, monkeypatch)

    async def run() -> None:
        world.write("nightly", FLOW)
        async with world.serving():
            pass
        await world_passes(world)
        async with world.serving():
            await world.engine.journal.durable()
            rows = await world.engine.alerts.delivery.page(None, 10)
            assert [row["title"] for row in rows] == ["nightly was not started"]
            assert rows[0]["occasion"] == "not_started"

    asyncio.run(run())


async def world_passes(world: World) -> None:
    """A night without an engine."""
    world.wall_us += 8 * 3600 * 1_000_000
    world.elapsed_us += 8 * 3600 * 1_000_000
