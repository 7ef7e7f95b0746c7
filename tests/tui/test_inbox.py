"""The inbox: failures that are alike, what can be done with them, and who was told."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tui.conftest import OpenConsole
from tests.tui.demo import NOW
from tests.tui.fake_engine import FakeEngine
from tests.tui.inbox_rows import DELIVERIES, ENTRIES, ID, MORE, delivery, entry, place
from wingman_tui.inbox import Rows, alert_lines, entry_lines, what, where
from wingman_tui.theme import load_palette
from wingman_tui.view import View


@pytest.fixture
def full(engine: FakeEngine) -> FakeEngine:
    """An engine with something in its inbox."""
    engine.inbox = [dict(row) for row in ENTRIES]
    engine.alerts = [dict(row) for row in DELIVERIES]
    engine.explained[ENTRIES[1]["id"]] = MORE
    return engine


def posts(engine: FakeEngine) -> list[tuple[str, Any]]:
    return [(path, body) for method, path, body in engine.requests if method == "POST"]


async def test_it_shows_what_is_alike_and_opens_the_newest_at_its_step(
    full: FakeEngine, open_console: OpenConsole
) -> None:
    async with open_console() as console:
        await console.press("I")
        await console.sees("Automation › Inbox")
        await console.sees("✗ 1 open   ◐ 1 known   ◌ 1 snoozed   1 alert to deliver")
        await console.sees("fetch-orders › get +1")
        await console.sees("14x fetch-orders › get")
        assert "ingest-orders" not in console.text(), "it is snoozed"
        await console.press("down")
        await console.sees("ada takes care; acknowledged by ada")
        await console.sees("note by ada")
        await console.sees("the disk was full")
        await console.sees("alert ✓ sent ops nightly-backup#128 failed")
        await console.press("enter")
        await console.sees("Automation › Executions › nightly-backup#128")
        await console.sees("E zstd: error 70")
        await console.press("q")
        await console.sees("Automation › Inbox")
        full.explained["why"] = {
            "subject": "nightly-backup#128", "state": "failed", "answer": "compress: no space",
            "probe": "", "causes": [], "helps": [],
        }  # fmt: skip
        await console.press("w")
        await console.sees("compress: no space")


async def test_keys_acknowledge_snooze_assign_close_retry(
    full: FakeEngine, open_console: OpenConsole
) -> None:
    async with open_console() as console:
        await console.press("I")
        await console.sees("fetch-orders › get +1")
        await console.press("A")
        await console.sees("known: alerts remind nobody of it")
        await console.press("z")
        await console.sees("away for 2h")
        await console.press("enter")
        await console.sees("stays away, s shows it")
        await console.press("at", "l", "e", "n", "a", "enter")
        await console.sees("lena takes care of fetch-orders")
        await console.press("C")
        await console.sees("Close fetch-orders › get +1?")
        await console.press("y")
        await console.sees("is closed")
        await console.press("down", "A")
        await console.sees("is open again")
        await console.press("R")
        await console.sees("retrying nightly-backup#128")
        path = "/v1/inbox/b4fae040d15e"
        assert posts(full) == [
            (f"{path}/ack", {}), (f"{path}/snooze", {"duration": "2h"}),
            (f"{path}/assign", {"user": "lena"}), (f"{path}/close", {}),
            ("/v1/inbox/93c17223db3a/ack", {"undo": True}), (f"/v1/executions/{ID}/retry", {}),
        ]  # fmt: skip


async def test_others_are_shown_filtered_and_come_live(
    full: FakeEngine, open_console: OpenConsole
) -> None:
    async with open_console() as console:
        await console.press("I", "s")
        await console.sees("showing snoozed")
        await console.sees("snoozed by lena until 16:05:00")
        await console.press("s")
        await console.sees("nothing is recovered; s shows others")
        await console.press("escape")
        await console.sees("fetch-orders › get +1")
        await console.press("slash")
        await console.type("nightly")
        await console.press("enter")
        await console.until(lambda: "fetch-orders" not in console.text())
        await console.press("escape")
        await console.sees("fetch-orders › get +1")
        new = entry("c" * 12, "OSError", "no \x1b[2Jspace", place("new-flow", None, 1))
        full.inbox = [new, *full.inbox]
        full.changed()
        await console.sees("new-flow")
        await console.sees("OSError: no spa")
        full.inbox = []
        full.changed()
        await console.sees("Nothing has failed without recovering.")


async def test_alerts_tell_whom_when_and_what_stands_in_the_way(
    full: FakeEngine, open_console: OpenConsole
) -> None:
    async with open_console() as console:
        await console.press("I", "tab")
        await console.sees("fetch-orders#9 failed")
        await console.sees("3 tries")
        await console.sees("503 from chat")
        await console.press("A")
        await console.sees("acknowledged: fetch-orders#9 failed")
        assert posts(full) == [("/v1/alerts/7/ack", {})]
        await console.press("down", "down")
        await console.sees("it was over before the quiet hours were")
        await console.press("tab")
        await console.sees("fetch-orders › get +1")


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 40), (200, 50)])
async def test_every_size_shows_what_failed_where(
    full: FakeEngine, open_console: OpenConsole, size: tuple[int, int]
) -> None:
    async with open_console(size=size) as console:
        await console.press("I")
        await console.sees("fetch-orders")
        await console.sees("no answer")
        await console.sees("✗ open")
        await console.press("tab")
        await console.sees("chat")


def test_what_is_foreign_is_made_harmless() -> None:
    evil = "\x1b]52;c;aGk=\x07\u202eevil\x9b2J\n\n"
    made = entry("a" * 12, evil, evil, place(evil, evil, 1), acked_by=evil, acked_at="x")
    view = View(load_palette("ansi"), False, lambda: NOW, None)
    said = [{"address": evil, "state": state, "error": evil} for state in (evil, "absent")]
    told = delivery(1, evil, evil, text=evil, error=evil, channel=evil, addresses=said)
    lines = entry_lines(made, {"notes": [{"by": evil, "at": "", "text": evil}], "alerts": [told]},
                        view, 60)  # fmt: skip
    for line in (*lines, *alert_lines(told, view, 60)):
        text = "".join(part for part, _ in line)
        assert text.isprintable()
        assert "\u202e" not in text
    assert (where(made) + what(made)).isprintable()


def test_each_of_several_addresses_tells_what_became_of_it() -> None:
    said = [{"address": "CHAT", "state": "sent", "error": ""},
            {"address": "ntfy", "state": "waiting", "error": "503"}]  # fmt: skip
    told = delivery(1, "waiting", "f#1 failed", error="ntfy: 503", addresses=said)
    view = View(load_palette("ansi"), False, lambda: NOW, None)
    text = ["".join(part for part, _ in line) for line in alert_lines(told, view, 60)]
    assert "   ✓ sent CHAT" in text
    assert text[text.index("   ◌ waiting ntfy") + 1] == "     503"
    assert " ntfy: 503" not in text


def test_rows_are_kept_in_the_order_of_the_engine() -> None:
    rows = Rows()
    assert rows.apply({"kind": "snapshot", "rows": ENTRIES[:2], "order": ["93c17223db3a", "b4fae040d15e"]})[1]
    assert (rows.total, rows.key_at(0), rows.index_of("b4fae040d15e")) == (2, "93c17223db3a", 1)
    changed, moved = rows.apply({"kind": "update", "rows": [{**ENTRIES[0], "times": 99}]})
    assert (changed, moved) == ({"b4fae040d15e"}, False)
    rows.apply({"kind": "update", "order": ["b4fae040d15e"]})
    assert (rows.total, rows.row("93c17223db3a")) == (1, None)
