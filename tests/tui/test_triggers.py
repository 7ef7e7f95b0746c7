"""Triggers mode: what starts flows by itself, its ledger and its next moments, pause and continue."""

from __future__ import annotations

from typing import Any

from tests.tui.conftest import OpenConsole
from tests.tui.fake_engine import FakeEngine
from wingman_tui.screens.triggers import TriggersScreen
from wingman_tui.triggers import TriggerRows


def occasion(outcome: str, **more: Any) -> dict[str, Any]:
    return {
        "at": "2026-11-27T02:00:00.000000Z", "until": "2026-11-27T02:00:00.000000Z", "times": 1,
        "more": False, "outcome": outcome, "reason": "", "execution": None, "label": None,
        "decided_at": "2026-11-27T02:00:00.000000Z", "key": "k", **more,
    }  # fmt: skip


def trigger(name: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name, "flow": name.partition(":")[0], "kind": "schedule", "what": "0 3 * * *",
        "paused": None, "problem": "", "source": "/flows/a.yaml", "version": "v", "next":
        "2026-11-28T02:00:00.000000Z", "running": [], "waiting": 0, "refusals": [], "last": None,
        "definition": {}, **more,
    }  # fmt: skip


TRIGGERS = [
    trigger("nightly-backup:schedule", last=occasion("ran")),
    trigger("site:deploy", kind="webhook", what="POST /hooks/deploy (github)", next=None,
            problem="the file has errors: \x1b[2J a.yaml:3:1",
            refusals=[{"at": "2026-11-27T02:00:00.000000Z", "reason": "the signature is wrong"}]),
]  # fmt: skip


def test_rows_are_filtered_by_all_words() -> None:
    rows = TriggerRows()
    rows.apply({"triggers": TRIGGERS})
    rows.filter("webhook dep")
    assert (rows.names, rows.total, rows.index_of("site:deploy")) == (["site:deploy"], 1, 0)
    rows.filter("")
    assert rows.total == 2


async def test_the_mode_shows_what_comes_and_what_became_of_it(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    engine.triggers = [dict(row) for row in TRIGGERS]
    engine.ledgers = {"nightly-backup:schedule": [
        occasion("ran", label="nightly-backup#128", execution="0193-nightly-backup-000128"),
        occasion("missed", times=3, reason="no engine ran then; catchup: none"),
    ]}  # fmt: skip
    async with open_console() as console:
        await console.press("c")
        await console.sees("Automation › Triggers")
        await console.sees("nightly-backup#128")
        await console.sees("3 times: no engine ran then; catchup: none")
        await console.press("n")
        await console.sees("2026-11-28 03:00:00+01:00")
        await console.press("n", "p")
        await console.sees("is paused: p lets it go on")
        await console.sees("‖ paused")
        assert "pause nightly-backup:schedule" in engine.asked
        await console.press("p")
        await console.sees("goes on")
        await console.press("down")
        await console.sees("refused: the signature is wrong")
        assert "\x1b[2J" not in console.text()
        await console.press("up", "enter")
        await console.sees("nightly-backup#128")


async def test_the_ledger_scrolls_and_goes_on_where_more_is_held(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    engine.triggers = [dict(row) for row in TRIGGERS]
    engine.ledgers = {"nightly-backup:schedule": [
        occasion("missed", reason=f"no engine ran, number {n:03d}") for n in range(100)
    ]}  # fmt: skip
    async with open_console() as console:
        await console.press("c")
        await console.sees("number 000")
        await console.press("tab", "pagedown", "end")
        await console.until(lambda: "number 000" not in console.text(), "scrolled")
        screen = console.app.mode_screen
        assert isinstance(screen, TriggersScreen)
        panel = screen.panel
        for held in (60, 90, 100):
            await console.until(lambda held=held: panel.row_count() == held, "more of it")
            await console.press("end")
        await console.sees("number 099")
        shown = console.text()
        engine.changed()
        await console.pilot.pause()
        assert console.text() == shown, "nothing moves under who reads"
        await console.press("home")
        await console.sees("number 000")
        await console.press("escape", "down")
        await console.sees("refused: the signature is wrong")


async def test_without_a_trigger_it_says_how_to_make_one(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    async with open_console() as console:
        await console.press("c")
        await console.sees("Nothing starts by itself yet.")
