"""A step that calls a flow opens in place to the steps of what it calls."""

from __future__ import annotations

from typing import Any

from tests.tui.conftest import OpenConsole
from tests.tui.fake_engine import FakeEngine
from tests.tui.rows import Row, execution, step

CHILD = {"execution": "0193-patch-000001", "flow": "patch", "number": 1}


def inside(path: str, state: str, **more: Any) -> Row:
    of = {"execution": CHILD["execution"], "path": path.partition("/")[2]}
    return step(path, state, of=of, **more)


def calling(engine: FakeEngine, state: str) -> Row:
    row = execution("release", 4, state)
    engine.add(row, [
        step("patch", state, child=CHILD, kind="flow"),
        inside("patch/fetch", "completed"),
        inside("patch/apply", state, waiting_for={"kind": "approval", "message": "sure?"}),
        step("last", "pending"),
    ])  # fmt: skip
    return row


async def test_space_opens_and_closes_it(engine: FakeEngine, open_console: OpenConsole) -> None:
    row = calling(engine, "running")
    async with open_console() as console:
        await console.press("home", "enter")
        await console.sees("patch [+]")
        assert "fetch" not in console.text()
        await console.press("down")
        pane = console.app.screen.log_pane
        await console.until(lambda: pane.choice.steps == ("patch",))
        assert not pane.choice.is_single, "folded, too, its lines are of several steps"
        await console.press("space")
        await console.sees("fetch")
        await console.press("down")
        screen = console.app.screen
        await console.until(lambda: screen.log_pane.choice.steps == ("patch/fetch",))
        # what is called is asked and noted where it is itself
        await console.press("down")
        assert screen.asking_step() is None
        assert screen.noted_step() is None
        await console.press("up", "up", "space")
        await console.until(lambda: "fetch" not in console.text())
        asked = [each for each in engine.opened if each.get("ref") == row["id"] or "calls" in each]
        assert [each["calls"] for each in asked if each["op"] == "move"] == [["patch"], []]


async def test_a_call_that_failed_comes_up_open(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    calling(engine, "failed")
    async with open_console() as console:
        await console.press("home", "enter")
        await console.sees("apply")
