"""The engine goes while somebody looks, or was never there: nothing is done and nothing ages."""

from __future__ import annotations

from tests.tui.conftest import OpenConsole
from tests.tui.demo import NOW
from tests.tui.fake_engine import FakeEngine
from tests.tui.rows import execution, stamp
from wingman_tui.theme import load_palette
from wingman_tui.view import View


async def test_a_lost_engine_dims_refuses_and_comes_back(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    async with open_console() as console:
        await console.press("e")
        engine.stop()
        await console.sees("engine gone")
        await console.sees("S starts it")
        assert console.app.view.stale
        assert "nightly-backup#128" in console.text(), "the last data stays"
        await console.press("R")
        assert "not possible now" in console.notice
        assert not [path for _, path, _ in engine.requests if path.endswith("retry")]
        engine.executions = [execution("after", 1, "running", started_at=stamp(NOW))]
        engine.start()
        await console.sees("● live")
        await console.sees("after#1")
        assert not console.app.view.stale
        assert not console.notice, "that nothing was possible is over"


def test_what_is_not_the_present_any_more_does_not_age() -> None:
    moments = iter([100.0, 107.0, 108.0])
    view = View(load_palette("ansi"), clock=lambda: next(moments))
    view.change(stale=True)
    assert [view.now(), view.now()] == [100.0, 100.0]
    view.change(stale=True)
    assert view.now() == 100.0
    view.change(stale=False)
    assert view.now() == 107.0


async def test_lines_that_are_asked_for_without_an_engine_are_told_to_come_later(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    async with open_console() as console:
        await console.press("enter")
        await console.sees("log ")
        engine.stop()
        await console.sees("engine gone")
        await console.press("4")
        await console.sees("no engine answers: these lines are shown when it does")


async def test_a_question_that_is_answered_when_the_engine_is_gone_does_nothing(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    async with open_console() as console:
        await console.press("down", "x")
        await console.sees("Cancel ")
        engine.stop()
        await console.until(lambda: not console.app.session.is_live)
        await console.press("y")
        await console.until(lambda: "not possible now" in console.notice)
        engine.start()
        await console.sees("● live")
        assert not [path for _, path, _ in engine.requests if path.endswith("cancel")]


async def test_a_form_that_is_refused_keeps_what_was_typed(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    async with open_console() as console:
        await console.press("f", "r")
        await console.sees("Run ")
        await console.type("kept")
        await console.sees("kept")
        engine.stop()
        await console.until(lambda: not console.app.session.is_live)
        await console.press("enter")
        await console.sees("✗ that is not possible now")
        assert "kept" in console.text()
        assert not [path for verb, path, _ in engine.requests if verb == "POST"]
        await console.type("it")
        await console.sees("keptit")
        assert "not possible now" not in console.text().splitlines()[3]


async def test_a_missing_engine_is_told(engine: FakeEngine, open_console: OpenConsole) -> None:
    engine.stop()
    async with open_console(settled=False) as console:
        await console.sees("no engine listens")
        engine.start()
        await console.sees("● live")
