"""A console on a fake engine, with a frozen clock and no word of this machine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from engine.paths import home_at
from tests.tui.demo import NOW, fill
from tests.tui.fake_engine import FakeEngine
from wingman_tui.app import WingmanApp
from wingman_tui.settings import Settings
from wingman_tui.terminal import Terminal

WAIT_S = 30.0


class Console:
    """A running console and what a test asks of it."""

    def __init__(self, app: WingmanApp, pilot: Pilot[int]) -> None:
        self.app = app
        self.pilot = pilot

    async def press(self, *keys: str) -> None:
        """Press keys, each after the other was taken in."""
        app = self.app
        for key in keys:
            await self.pilot.press(key)
            await self.pilot.pause()
            await self.until(lambda: app.keys_are_dealt_with or not app.is_running, key)

    async def type(self, text: str) -> None:
        """Type a text."""
        await self.press(*("space" if char == " " else char for char in text))

    async def until(self, condition: Callable[[], Any], what: str = "it") -> None:
        """Wait for something to become true."""
        deadline = time.monotonic() + WAIT_S
        while not condition():
            assert time.monotonic() < deadline, f"{what} did not happen; the screen:\n{self.text()}"
            await asyncio.sleep(0.01)
            await self.pilot.pause()

    async def sees(self, text: str) -> None:
        """Wait for a text on the screen."""
        await self.until(lambda: text in self.text(), repr(text))

    def text(self) -> str:
        """What is on the top screen now."""
        strips = self.app.screen._compositor.render_strips(self.app.size)
        return "\n".join(strip.text.rstrip() for strip in strips)

    @property
    def notice(self) -> str:
        """What the message line says."""
        from wingman_tui.widgets.bars import MessageLine

        return self.app.mode_screen.query_one(MessageLine).notice


OpenConsole = Callable[..., AbstractAsyncContextManager[Console]]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[FakeEngine]:
    """An engine with an afternoon of executions."""
    fake = FakeEngine(tmp_path / "home")
    fill(fake)
    fake.start()
    yield fake
    fake.stop()


@pytest.fixture
def open_console(engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> OpenConsole:
    """Opens consoles; `settled=False` does not wait for the first data."""
    # a missing engine stays missing: the real one must not be started by these tests
    monkeypatch.setattr("wingman_tui.link.ensure_engine", _connected)

    @asynccontextmanager
    async def opened(
        size: tuple[int, int] = (80, 24),
        *,
        theme: str = "ansi",
        reference: str = "",
        ascii_only: bool = False,
        settled: bool = True,
        keys: dict[str, str] | None = None,
        bell: bool = False,
        notify: tuple[str, ...] = (),
    ) -> AsyncIterator[Console]:
        app = WingmanApp(
            home_at(engine.home),
            Settings(theme=theme or None, keys=keys or {}, bell=bell, notify=notify),
            Terminal(ascii_only=ascii_only, no_color=False, over_ssh=False),
            reference=reference,
            clock=lambda: NOW,
            zone=UTC,
            host="db1",
        )
        async with app.run_test(size=size) as pilot:
            console = Console(app, pilot)
            if settled:
                await console.until(
                    lambda: app.executions.loaded and app.flows.loaded, "the first data"
                )
            yield console

    return opened


def _connected(home: Any, here: bool = False) -> Any:
    from engine.client.http import Client

    client = Client(home)
    client.connect()
    return client
