"""An engine in the test's home."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.paths import Home, home_at
from tests.conftest import kill_leftovers
from tests.engine.api import Engine
from tests.engine.served import Served


@pytest.fixture
def engine(home: Home) -> Engine:
    """A started engine; it ends with the home."""
    return Engine(home)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = home_at(tmp_path_factory.mktemp("served") / "home")
    home.create()
    served = Served(home)
    yield served
    served.process.terminate()
    served.process.wait(30)
    kill_leftovers(home)
