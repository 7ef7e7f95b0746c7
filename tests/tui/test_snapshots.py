"""Less than thirty golden screens: what the console looks like, frozen. See them before you accept new ones.

Made anew by `pytest tests/tui/test_snapshots.py --snapshot-update`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from engine.paths import home_at
from tests.tui.conftest import Console
from tests.tui.demo import NOW
from tests.tui.fake_engine import FakeEngine
from tests.tui.inbox_rows import DELIVERIES, ENTRIES, MORE
from tests.tui.test_details import TIMELINE, WHY
from tests.tui.test_machine import GAUGES, STEPS
from tests.tui.test_triggers import TRIGGERS, occasion
from wingman_tui.app import WingmanApp
from wingman_tui.settings import Settings
from wingman_tui.terminal import Terminal

SCREENS: dict[str, tuple[tuple[int, int], str, tuple[str, ...], str]] = {
    "executions": ((80, 24), "ansi", (), "live"),
    "executions_wide": ((120, 40), "dark", ("down",), "WHY"),
    "failed": ((80, 24), "ansi", ("e", "enter"), "E zstd"),
    "failed_wide": ((120, 40), "light", ("e", "enter"), "E zstd"),
    "flows": ((80, 24), "colour-blind", ("f", "d"), "DEBUG nightly-backup"),
    "form": ((80, 24), "mono", ("f", "r"), "run it"),
    "confirm": ((80, 24), "high-contrast", ("down", "x"), "Cancel ingest-orders#2041?"),
    "marked": ((80, 24), "light", ("space", "space", "asterisk"), "marked"),
    "filter": ((80, 24), "ansi", ("slash", "s", "t"), "state:"),
    "nothing_matches": ((80, 24), "ansi", ("slash", "z", "q", "enter"), "nothing matches"),
    "log_errors": ((80, 24), "ansi", ("e", "enter", "tab", "4"), "E zstd"),
    "log_frozen": ((80, 24), "mono", ("e", "enter", "z"), "frozen"),
    "root": ((80, 24), "light", ("e", "enter", "home"), "all steps"),
    "values": ((80, 24), "ansi", ("e", "i"), "values"),
    "inbox": ((80, 24), "ansi", ("I", "down"), "the disk was full"),
    "machine": ((80, 24), "ansi", ("m",), "memory"),
    "machine_wide": ((120, 40), "dark", ("m",), "memory"),
    "help": ((80, 24), "ansi", ("question_mark",), "Keys: Executions"),
    "palette": ((80, 24), "ansi", ("ctrl+p", "r", "e", "t"), "Find an action"),
    "themes": ((80, 24), "high-contrast", ("ctrl+t", "down"), "Themes"),
    "typed": ((80, 24), "ansi", ("colon", "r", "e"), "retry"),
    "too_small": ((50, 12), "ansi", (), "Wingman needs"),
    "smallest": ((60, 15), "ansi", ("e", "enter"), "exit"),
    "ascii": ((80, 24), "ansi", ("e", "enter"), "E zstd"),
    "why": ((80, 24), "light", ("e", "w"), "What helps"),
    "timeline": ((80, 24), "ansi", ("e", "t"), "critical path"),
    "triggers": ((80, 24), "dark", ("c",), "3 times"),
    "audit": ((80, 24), "ansi", ("u",), "nightly-backup#128"),
    "first_start": ((80, 24), "ansi", (), "No flow has run yet"),
}

HISTORY = {
    "cpu": [0.1, 0.2, 0.9, 0.4, 0.5], "memory_used_bytes": [1 << 30, 2 << 30, 3 << 30],
    "disk_written_bytes_s": [0, 5 << 20], "running_steps": [0, 1, 2, 2],
}  # fmt: skip


AUDIT = {
    "lines": [
        {"at": "2026-11-22T14:02:00.000000Z", "actor": "lena", "origin": "10.0.0.7",
         "action": "cancel", "subject": "0193-x", "execution": "ingest-orders#2040",
         "reason": "the day was wrong"},
        {"at": "2026-11-22T13:58:00.000000Z", "actor": "engine", "origin": "engine", "action": "run",
         "subject": "0193-y", "execution": "nightly-backup#128", "reason": "schedule"},
        {"at": "2026-11-21T22:10:00.000000Z", "actor": "victor", "origin": "10.0.0.9",
         "action": "refused", "subject": "DELETE /v1/executions/0193-z/notes/4", "execution": None,
         "reason": "for the role operator; victor is a viewer, and their notes are their own"},
    ],
}  # fmt: skip


def _tell(engine: FakeEngine) -> None:
    """What the engine explains, and what starts flows by itself."""
    engine.explained = {"why": WHY, "timeline": TIMELINE, "audit": AUDIT}
    engine.triggers = [dict(row) for row in TRIGGERS]
    engine.ledgers = {"nightly-backup:schedule": [
        occasion("ran", label="nightly-backup#128"),
        occasion("missed", times=3, reason="no engine ran then; catchup: none"),
    ]}  # fmt: skip


@pytest.mark.parametrize("name", SCREENS)
def test_it_looks_as_it_did(
    name: str, engine: FakeEngine, tmp_path: Path, snap_compare: Callable[..., bool]
) -> None:
    size, theme, keys, seen = SCREENS[name]
    if name == "first_start":
        engine.executions.clear()
    _tell(engine)
    engine.machine = {"gauges": GAUGES, "steps": STEPS, "sample": 4, "history": HISTORY}
    engine.inbox, engine.alerts = list(ENTRIES), list(DELIVERIES)
    engine.explained[MORE["id"]] = MORE
    # without the clock, the host and the zone of this machine
    app = WingmanApp(
        home_at(engine.home),
        Settings(theme=theme),
        Terminal(ascii_only=name == "ascii", no_color=theme == "mono", over_ssh=False),
        clock=lambda: NOW,
        zone=UTC,
        host="db1",
    )
    app.title = "wingman"

    async def before(pilot: Pilot[Any]) -> None:
        console = Console(app, pilot)
        await console.until(lambda: app.executions.loaded and app.flows.loaded)
        for key in keys:
            await console.press(key)
        await console.sees(seen)
        await pilot.pause(0.3)

    assert snap_compare(app, terminal_size=size, run_before=before)
