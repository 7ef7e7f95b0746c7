"""System mode: the engine's log by level with follow, doctor, pools, facts."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from tests.tui.conftest import OpenConsole
from tests.tui.fake_engine import FakeEngine
from wingman_tui import system

CLAIM = {"execution": "x", "flow": "etl", "number": 7, "step": "load", "slots": 2,
         "since": "2026-11-22T14:00:00.000000Z"}  # fmt: skip


def log_of(*texts: str) -> dict[str, Any]:
    """An answer of the engine about its log."""
    lines = [
        {"at": "2026-11-22T14:00:00.000Z", "level": "warning" if "full" in text else "info",
         "text": text}
        for text in texts
    ]  # fmt: skip
    return {"lines": lines, "path": "/var/log/engine.log"}


def plain(lines: list[system.Line]) -> str:
    return "\n".join("".join(text for text, _ in line).rstrip() for line in lines)


def test_the_log_is_shown_with_its_time_and_its_levels_colour() -> None:
    lines = system.log_lines(log_of("engine serves", "the disk is full\x1b[2J"), 80, UTC)
    assert plain(lines).startswith("2026-11-22 14:00:00  engine serves\n")
    assert "\x1b" not in plain(lines)
    assert lines[1][1][1] == "level_warning"
    assert plain(system.log_lines(log_of(), 80)) == "nothing of this level in /var/log/engine.log"
    long = plain(system.log_lines(log_of("word " * 40), 60, UTC)).splitlines()
    assert len(long) > 1, "a long line goes on below"
    assert all(len(line) <= 60 for line in long)


def test_doctor_tells_what_helps_only_where_it_is_needed() -> None:
    findings = [
        {"name": "disk", "verdict": "ok", "message": "free " * 30, "hint": "never shown"},
        {"name": "bash", "verdict": "fail", "message": "not found", "hint": "install it"},
    ]
    text = plain(system.doctor_lines({"findings": findings}, 60))
    assert "never shown" not in text
    assert "✗ bash         not found\n               install it" in text
    assert max(len(line) for line in text.split("\n")) <= 62


def test_pools_tell_who_holds_and_who_waits() -> None:
    pool = {"name": "db", "capacity": 2, "used": 2, "holders": [CLAIM], "waiters": [CLAIM]}
    now = 1_795_356_000.0 + 180
    text = plain(system.pool_lines({"pools": [pool], "problem": "config.toml: odd"}, now))
    assert text.startswith("config.toml: odd\n\ndb  2 of 2 taken\n  holds 2  etl#7 › load, for ")
    assert "  waits 2  etl#7 › load" in text
    assert "[pools]" in plain(system.pool_lines({"pools": []}, now))


async def test_the_mode_goes_through_its_parts_and_follows_the_log(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    engine.explained = {
        "log": log_of(*(f"line {n}" for n in range(60))),
        "doctor": {"findings": [
            {"name": "bash", "verdict": "fail", "message": "not found", "hint": "install it"}]},
        "pools": {"pools": [], "problem": ""},
        "engine": {"pid": 4711, "version": "0.1.0", "started_at": "2026-11-22T14:00:00.000000Z"},
    }  # fmt: skip
    async with open_console() as console:
        await console.press("v")
        await console.sees("line 59")
        await console.press("up")
        await console.sees("System › Log, held")
        engine.explained["log"] = log_of(*(f"line {n}" for n in range(70)))
        await console.until(
            lambda: any("line 69" in text for text, _ in console.app.mode_screen.pane.lines[-1]),  # type: ignore[attr-defined]
            "the new lines",
        )
        assert "line 69" not in console.text()
        await console.press("F")
        await console.sees("line 69")
        await console.press("3")
        await console.sees("System › Log warning")
        await console.press("tab")
        await console.sees("install it")
        await console.press("tab")
        await console.sees("no pool is configured")
        await console.press("tab")
        await console.sees("4711")
        await console.press("escape")
        await console.sees("Automation › Executions")
