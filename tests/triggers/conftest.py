"""A world for the triggers of one home."""

from __future__ import annotations

import pytest

from engine.paths import Home
from tests.triggers.world import World


@pytest.fixture
def world(home: Home, monkeypatch: pytest.MonkeyPatch) -> World:
    """Midnight of the first of March 2027, UTC."""
    return World(home, monkeypatch)
