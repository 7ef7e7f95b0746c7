"""What many look at is found once; each is told what it has not seen yet, and all at a bounded pace."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from engine.errors import UnknownReference
from engine.server.parts import Parts
from engine.server.view import SLOWEST_S, Pace, View, Views


class Counted(View):
    """A view on a dictionary that counts how often it is looked at."""

    pace_s = 0.0

    def __init__(self, world: dict[str, int], views: Views) -> None:
        class Context:
            pass

        context: Any = Context()
        context.views = views
        super().__init__(context, frozenset())
        self.world, self.looks, self.has_left = world, 0, False
        self.fault: Exception | None = None
        self._parts = Parts()

    async def find(self) -> bool:
        self.looks += 1
        await asyncio.sleep(0)
        if self.fault is not None:
            raise self.fault
        return self._parts.take(self.world, self.count + 1)

    def changes(self, count: int) -> dict[str, Any]:
        return {"new": self._parts.since(count), "gone": self._parts.gone_since(count)}

    def left(self) -> None:
        self.has_left = True


class Follower:
    """One who looks, and takes what is new when told to."""

    def __init__(self, views: Views, view: Counted) -> None:
        self.news = asyncio.Event()
        self.count, self.sees = 0, dict[str, int]()
        self.view = views.join("key", lambda: view, self.news.set)

    async def take(self) -> bytes:
        self.count, data = await self.view.since(self.count)
        self.news.clear()
        found = json.loads(data or b'{"new": {}, "gone": []}')
        self.sees.update(found["new"])
        for key in found["gone"]:
            self.sees.pop(key, None)
        return data


async def test_many_look_and_it_is_found_and_encoded_once() -> None:
    views, world = Views(), {"a": 1}
    view = Counted(world, views)
    followers = [Follower(views, view) for _ in range(50)]
    await asyncio.gather(*(each.take() for each in followers))
    assert (view.looks, followers[0].sees) == (1, world)
    world["b"] = 2
    view.mark()
    await asyncio.gather(*(each.news.wait() for each in followers))
    frames = [await each.take() for each in followers]
    assert view.looks == 2
    assert len({id(frame) for frame in frames}) == 1
    assert json.loads(frames[0])["new"] == {"b": 2}, "what is known is not said again"
    assert await followers[0].take() == b""


async def test_who_is_slow_gets_all_that_it_has_missed_at_once() -> None:
    views, world = Views(), {"a": 1, "b": 1, "c": 1}
    view = Counted(world, views)
    quick, slow = Follower(views, view), Follower(views, view)
    await quick.take()
    await slow.take()
    for change in ({"a": 2}, {"b": 2}, {"a": 3}):
        world |= change
        world.pop("c", None)
        view.mark()
        await quick.news.wait()
        await quick.take()
    assert json.loads(await slow.take()) == {"new": {"a": 3, "b": 2}, "gone": ["c"]}
    assert slow.sees == quick.sees == world
    late = Follower(views, view)
    await late.take()
    assert late.sees == world


async def test_who_comes_sees_the_present_and_the_last_one_closes_the_door() -> None:
    views, world = Views(), {"a": 1}
    view = Counted(world, views)
    view.pace_s = 100.0
    first = Follower(views, view)
    await first.take()
    world["a"] = 2
    view.mark()
    second = Follower(views, view)
    await second.take()
    assert second.sees == {"a": 2}, "whatever the pace of those who are there"
    for each in (first, second):
        views.leave("key", each.news.set)
    assert view.has_left


async def test_a_window_that_is_closed_while_it_is_looked_at_does_no_harm() -> None:
    views, world = Views(), {"a": 1}
    view = Counted(world, views)
    follower = Follower(views, view)
    taking = asyncio.ensure_future(follower.take())
    while not view.looks:  # noqa: ASYNC110
        await asyncio.sleep(0)
    views.leave("key", follower.news.set)
    await taking
    assert view.has_left
    view.mark()
    await asyncio.sleep(0.01)
    assert view.looks == 1, "nobody is there to look for"


async def test_a_fault_is_told_and_what_is_there_again_goes_on() -> None:
    views, world = Views(), {"a": 1}
    view = Counted(world, views)
    follower = Follower(views, view)
    await follower.take()
    view.fault = UnknownReference("gone")
    view.mark()
    await follower.news.wait()
    with pytest.raises(UnknownReference):
        await follower.take()
    follower.news.clear()
    view.fault = None
    world["a"] = 2
    view.mark()
    await follower.news.wait()
    await follower.take()
    assert follower.sees == {"a": 2}


def test_the_more_look_the_less_often_they_are_told_but_within_half_a_second() -> None:
    pace = Pace()
    pace.followers = 10
    assert pace.at_least(0.1) == 0.1
    pace.followers = 400
    assert 0.1 < pace.at_least(0.1) < SLOWEST_S
    for _ in range(1000):
        pace.note(0.5)
    pace.followers = 100_000
    assert pace.at_least(0.1) == SLOWEST_S
    assert pace.at_least(1.0) == 1.0, "a slower one stays what it is"
