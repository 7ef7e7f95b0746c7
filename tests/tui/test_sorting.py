"""The list of executions in another order: a key, the other way round, by a typed line."""

from __future__ import annotations

from tests.tui.conftest import Console, OpenConsole
from tests.tui.fake_engine import FakeEngine
from tests.tui.rows import execution


def lasting(engine: FakeEngine) -> None:
    """Three executions, the middle one the longest."""
    engine.executions.clear()
    for number, duration_ms in ((1, 5_000), (2, 90_000), (3, 40_000)):
        engine.add(
            execution("ship", number, "completed", id=f"s-{number}", duration_ms=duration_ms)
        )


def shown(console: Console) -> list[str]:
    """The list from its top."""
    window = console.app.executions
    return [f"#{window.rows[id_]['number']}" for id_ in window.order]


async def test_a_key_sorts_and_another_turns_it_round(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    lasting(engine)
    async with open_console() as console:
        await console.until(lambda: shown(console) == ["#3", "#2", "#1"])
        await console.press("s")
        await console.until(lambda: shown(console) == ["#2", "#3", "#1"])
        assert "longest first" in console.text()
        await console.press("minus")
        await console.until(lambda: shown(console) == ["#1", "#3", "#2"])
        assert "shortest first" in console.text()
        await console.press("escape")
        await console.until(lambda: shown(console) == ["#3", "#2", "#1"])
        assert "first" not in console.text().splitlines()[1]


async def test_it_is_told_where_only_the_newest_are_sorted(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    lasting(engine)
    engine.of_newest = 10_000
    async with open_console() as console:
        await console.press("s")
        await console.sees("longest first of the newest 10,000")
        await console.press("s")
        await console.sees("by flow")
        assert "of the newest" not in console.text()


async def test_an_order_can_be_typed_with_a_filter_beside_it(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    lasting(engine)
    engine.add(execution("other", 1, "completed", id="o-1", duration_ms=1))
    async with open_console() as console:
        await console.press("colon")
        await console.type("sort duration reverse")
        await console.press("enter")
        await console.until(lambda: shown(console) == ["#1", "#1", "#3", "#2"])
        await console.press("slash")
        await console.type("flow:ship")
        await console.press("enter")
        await console.until(lambda: shown(console) == ["#1", "#3", "#2"])
        assert "shortest first   filter flow:ship" in console.text()
        await console.press("colon")
        await console.type("sort colour")
        await console.press("enter")
        await console.sees("there is no sort colour")
