"""Audit mode: who did what, what was refused, and whether the record is whole."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from tests.tui.conftest import OpenConsole
from tests.tui.fake_engine import FakeEngine
from wingman_tui import audit


def line(**facts: Any) -> dict[str, Any]:
    return {"seq": 1, "at": "2026-11-22T14:00:00.000000Z", "actor": "anna", "origin": "socket",
            "action": "run", "subject": "etl#7", "reason": "", "hash": "ab", **facts}  # fmt: skip


def plain(lines: list[audit.Line]) -> str:
    return "\n".join("".join(text for text, _ in each).rstrip() for each in lines)


def test_a_line_says_from_where_and_why_only_where_that_says_more() -> None:
    found = [
        line(),
        line(action="refused", origin="10.0.0.7", reason="for the role admin\x1b[2J"),
    ]
    text = plain(audit.lines({"lines": found}, 78, UTC))
    assert text.split("\n") == [
        "2026-11-22",
        "14:00:00  anna  run      etl#7",
        "14:00:00  anna  refused  etl#7  from 10.0.0.7; for the role admin",
    ]
    assert "\x1b" not in text
    assert plain(audit.lines({"lines": []}, 78)) == "nothing of that is in the audit"


def test_an_execution_is_called_by_its_number_and_what_is_long_goes_on_below() -> None:
    found = [line(subject="0193-a-long-id", execution="etl#7", reason="because " * 12)]
    rows = plain(audit.lines({"lines": found}, 60, UTC)).split("\n")
    assert rows[1].startswith("14:00:00  anna  run  etl#7  because")
    assert all(len(row) <= 60 for row in rows)
    assert "\n".join(rows).count("because") == 12


def test_a_verdict_in_one_line() -> None:
    whole = {"lines": 7, "checkpoints": 2, "problems": []}
    assert plain([audit.verdict(whole)]) == "whole: 7 lines, 2 signed checkpoints"
    broken = {**whole, "problems": ["line 3 is missing", "the end is missing"]}
    assert "line 3 is missing (and 1 more" in plain([audit.verdict(broken)])


async def test_the_mode(open_console: OpenConsole, engine: FakeEngine) -> None:
    engine.explained = {
        "audit": {"lines": [line(subject="etl#7"), line(action="cancel")], "next": None},
        "verify": {"lines": 2, "checkpoints": 1, "problems": []},
    }
    async with open_console() as console:
        await console.press("u")
        await console.sees("etl#7")
        await console.press("V")
        await console.sees("whole: 2 lines, 1 signed")
        await console.press("slash")
        await console.press(*"etl", "enter")
        await console.sees("“etl”")
        await console.press("escape")
        await console.sees("cancel")
        await console.press("escape")
        await console.sees("Automation › Executions")
