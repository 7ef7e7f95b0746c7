"""A few golden screens: what the console looks like, frozen. See them before you accept new ones.

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
}


@pytest.mark.parametrize("name", SCREENS)
def test_it_looks_as_it_did(
    name: str, engine: FakeEngine, tmp_path: Path, snap_compare: Callable[..., bool]
) -> None:
    size, theme, keys, seen = SCREENS[name]
    # without the clock, the host and the zone of this machine
    app = WingmanApp(
        home_at(engine.home),
        Settings(theme=theme),
        Terminal(ascii_only=False, no_color=theme == "mono", over_ssh=False),
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
