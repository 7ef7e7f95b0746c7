"""Consoles on real ptys, on a fake engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.pty.terminal import Terminal
from tests.tui.demo import fill
from tests.tui.fake_engine import FakeEngine

OpenTerminal = Callable[..., Terminal]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[FakeEngine]:
    """An engine with an afternoon of executions, none of which runs any more."""
    fake = FakeEngine(tmp_path / "home")
    fill(fake)
    for row in list(fake.executions):
        if row["state"] in ("running", "queued"):
            fake.update(row["id"], state="completed", duration_ms=95_000)
    fake.start()
    yield fake
    fake.stop()


@pytest.fixture
def open_terminal(engine: FakeEngine) -> Iterator[OpenTerminal]:
    """Opens consoles that end with the test."""
    opened: list[Terminal] = []

    def open_(*arguments: str, settled: bool = True, **options: Any) -> Terminal:
        terminal = Terminal(engine.home, *arguments, **options)
        opened.append(terminal)
        if settled:
            terminal.sees("live")
            terminal.settle()
        return terminal

    yield open_
    for terminal in opened:
        terminal.close()
