"""An engine whose clock is ours, with one channel."""

from __future__ import annotations

import pytest

from engine.paths import Home
from tests.alerts.world import AlertWorld
from tests.triggers.world import us


@pytest.fixture
def world(home: Home, monkeypatch: pytest.MonkeyPatch) -> AlertWorld:
    """At noon in UTC, with the channel `ops`."""
    home.config_file.write_text('[channels]\nops = "json://x"\n')
    world = AlertWorld(home, monkeypatch)
    world.wall_us = us("2027-03-01T12:00:00+00:00")
    return world
