"""An engine in the test's home."""

from __future__ import annotations

import pytest

from engine.paths import Home
from tests.engine.api import Engine


@pytest.fixture
def engine(home: Home) -> Engine:
    """A started engine; it ends with the home."""
    return Engine(home)
