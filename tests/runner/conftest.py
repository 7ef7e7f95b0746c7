"""A runner of its own for every test that asks for one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runner.client import Bench, Client


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.stop()
    log = made.runner_log()
    assert "Traceback" not in log, log


@pytest.fixture
def client(bench: Bench) -> Iterator[Client]:
    made = bench.client()
    yield made
    made.close()
