"""What is typed faster than the console can show: each key is meant for what the others open."""

from __future__ import annotations

import pytest
from textual import events

from tests.tui.conftest import Console, OpenConsole
from tests.tui.demo import NOW
from tests.tui.fake_engine import FakeEngine
from tests.tui.rows import line
from wingman_tui.screens.run_form import RunForm


def burst(console: Console, *keys: str) -> None:
    """All keys at once, as one packet brings them."""
    for key in keys:
        character = {"slash": "/", "enter": "\r"}.get(key, key if len(key) == 1 else None)
        console.app.post_message(events.Key(key, character))


async def test_a_filter_and_what_is_meant_by_it_come_in_one_go(open_console: OpenConsole) -> None:
    async with open_console() as console:
        burst(console, "slash", *"ingest", "enter", "enter")
        await console.sees("Executions › ingest-orders#2041")


async def test_what_is_typed_before_the_first_rows_means_those_that_it_asks_for(
    open_console: OpenConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wingman_tui.typed_ahead.HOLD_S", 60.0)
    async with open_console(settled=False) as console:
        burst(console, "slash", *"nightly", "enter", "enter")
        await console.sees("Executions › nightly-backup#128")


async def test_a_line_feed_is_enter(open_console: OpenConsole) -> None:
    """A terminal that is not raw yet has made one of it."""
    async with open_console() as console:
        burst(console, "slash", *"ingest", "ctrl+j", "ctrl+j")
        await console.sees("Executions › ingest-orders#2041")


async def test_what_a_form_is_to_hold_waits_for_the_form(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    async with open_console() as console:
        burst(console, "e", "r", "ctrl+u", *"shop", "enter")
        await console.until(lambda: any(p.endswith("/rerun") for _, p, _ in engine.requests))
        body = next(body for _, path, body in engine.requests if path.endswith("/rerun"))
        assert body["inputs"]["database"] == "shop"


async def test_a_step_is_gone_to_in_what_is_being_opened(open_console: OpenConsole) -> None:
    async with open_console() as console:
        burst(console, "slash", *"ingest", "enter", "enter", "j", "j")
        await console.sees("Executions › ingest-orders#2041")
        await console.until(lambda: console.app.keys_are_dealt_with)
        assert console.app.mode_screen.tree_pane.cursor == 2  # type: ignore[attr-defined]


async def test_a_search_begins_at_the_end_that_is_being_gone_to(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    backup = "0193-nightly-backup-000128"
    engine.logs[backup] = []
    lines = [line(NOW, "compress", "info", f"number {n}") for n in range(3_000)]
    engine.log(backup, *lines)
    async with open_console(reference=backup) as console:
        await console.sees("number 2999")
        burst(console, "tab", "g", "slash", *"99", "enter")
        await console.sees("match 1 of ")
        burst(console, "G", "N")
        pane = console.app.mode_screen.log_pane  # type: ignore[attr-defined]
        await console.until(lambda: (pane.marked_line() or {}).get("text") == "number 2999")


async def test_an_interrupt_waits_for_nothing_and_takes_back_what_waits(
    open_console: OpenConsole,
) -> None:
    async with open_console() as console:
        release = console.app.hold_keys()
        burst(console, "slash", "x", "ctrl+c")
        await console.until(lambda: "ctrl+c again quits" in console.notice)
        release()
        await console.until(lambda: console.app.keys_are_dealt_with)
        assert not console.app.mode_screen.prompt_is_open


async def test_an_answer_that_does_not_come_gives_the_keys_free(
    open_console: OpenConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wingman_tui.typed_ahead.HOLD_S", 0.2)
    async with open_console() as console:
        console.app.hold_keys()
        burst(console, "r", "slash")
        await console.until(lambda: "not done" in console.notice, "giving up")
        assert not console.app.mode_screen.prompt_is_open
        assert not isinstance(console.app.screen, RunForm)
        await console.press("slash")
        assert console.app.mode_screen.prompt_is_open
