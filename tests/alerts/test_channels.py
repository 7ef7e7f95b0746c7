"""Channels beside each other: what one does holds up none of the others."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from engine.alerts.addresses import Outcome
from engine.alerts.channels import Channels
from tests.alerts.world import AlertWorld

FLOW = """
alerts: [{on: failed, to: [slow, ok]}]
steps: [{id: a, run: 'true'}]
"""


async def until(holds: Any) -> None:
    for _ in range(5000):
        if holds():
            return
        await asyncio.sleep(0.002)
    raise AssertionError("it never came to be so")


async def fail(world: AlertWorld, times: int) -> None:
    for _ in range(times):
        await world.finish(await world.start("f"), 3)


def test_a_channel_that_hangs_holds_up_no_message_of_another(
    world: AlertWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        world.write("f", FLOW)
        answers = asyncio.Event()

        async def send(_: Channels, channel: str, order: dict[str, Any], __: Any = ()) -> Outcome:
            if channel == "slow":
                await answers.wait()
            world.sent.append({**order, "channel": channel})
            return Outcome([], [], "")

        monkeypatch.setattr(Channels, "send", send)
        async with world.telling():
            await fail(world, 3)
            await until(lambda: len(world.sent) == 3)
            assert {one["channel"] for one in world.sent} == {"ok"}
            answers.set()
            await until(lambda: len(world.sent) == 6)
            slow = [one["title"] for one in world.sent if one["channel"] == "slow"]
            assert slow == ["f#1 failed", "f#2 failed", "f#3 failed"], "in their order"

    asyncio.run(story())


def test_a_fault_with_one_channel_is_told_and_rests_that_one(
    world: AlertWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        world.write("f", FLOW)
        tries: list[str] = []

        async def send(_: Channels, channel: str, order: dict[str, Any], __: Any = ()) -> Outcome:
            tries.append(channel)
            if channel == "slow" and tries.count("slow") == 1:
                raise ZeroDivisionError("a fault for a test")
            return Outcome([], [], "")

        monkeypatch.setattr(Channels, "send", send)
        async with world.telling():
            delivery = world.engine.alerts.delivery
            await fail(world, 2)
            await until(lambda: tries.count("ok") == 2 and not delivery.is_busy)
            assert tries.count("slow") == 1, "not at once again"
            assert delivery.waits
            delivery._rested("slow")
            await until(lambda: tries.count("slow") == 3 and not delivery.is_busy)
            assert [state for _, state in await world.states()] == ["sent"] * 4

    asyncio.run(story())
