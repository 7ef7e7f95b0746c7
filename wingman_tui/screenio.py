"""Writes only what changed: a cell diff between Textual's compositor and the terminal.

Textual rewrites whole widget spans; over a slow link that is 10 to 40 times the bytes that differ.
`CellDiff` keeps a copy of what the terminal shows and sends the difference, scrolls full-width
blocks with the terminal's own scrolling, and keeps one frame in flight at most (a fence), so that a
slow link never holds more than one frame before the answer to a key.

It stands on Textual's private `App._display`: this is the only file that does. WINGMAN_DIFF=0
switches it off, WINGMAN_SCROLL=0 the scrolling and WINGMAN_FENCE=0 the fence alone; a test holds
the screens with and without each equal.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, cast

from textual import events
from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.app import App

from wingman_tui.cells import Screenful

if TYPE_CHECKING:
    from textual.screen import Screen
    from textual.strip import Strip

ENABLED = os.environ.get("WINGMAN_DIFF", "1") != "0"
SCROLLS = os.environ.get("WINGMAN_SCROLL", "1") != "0"
FENCED = os.environ.get("WINGMAN_FENCE", "1") != "0"
SYNC_START, SYNC_END = "\x1b[?2026h", "\x1b[?2026l"
# a status report: answered by every terminal once it has come this far, and by no key's sequence
FENCE_ASK = "\x1b[5n"
FENCE_KEY = "fence-answered"
FENCE_FIRST_WAIT_S = 3.0  # without an answer in this time, the terminal has none to give
FENCE_WAIT_S = 30.0
PASSES = 2  # of a key: one may be taken by what was drawn already when it came

Piece = tuple[int, int, "Strip"]


class _FenceKey:
    value = FENCE_KEY


# Textual types the table as read-only and its keys as an enumeration; it looks at `value` alone
cast("dict[str, Any]", ANSI_SEQUENCES_KEYS)["\x1b[0n"] = (_FenceKey(),)


class CellDiff(App[int], inherit_bindings=False):
    """Mixed into the app, before `App`."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._screenful: Screenful | None = None
        self._passes = 0  # frames that need not wait for the one in flight
        self._asked_at = 0.0  # when the frame in flight left; 0 without one
        # whether the terminal answers the fence
        self._answers: bool | None = None if FENCED else False
        self._is_due = False
        self._retry: asyncio.TimerHandle | None = None

    def forget_screen(self) -> None:
        """The terminal may show anything now: paint every cell of the next frame."""
        self._screenful = None
        self._asked_at = 0.0

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        """Put an update of the compositor on the terminal."""
        if renderable is None:  # nothing differs: what is known of the screen stays known
            super()._display(screen, renderable)
            return
        if (
            not ENABLED
            or not isinstance(renderable, LayoutUpdate | ChopsUpdate)
            or self._driver is None
            or self.is_headless
            or self._driver.is_inline
        ):
            self._screenful = None
            super()._display(screen, renderable)
            return
        try:
            if self._running and not self._closed and not self._batch_count:
                self._merge(renderable)
                self._pump_soon()
        finally:
            self.post_display_hook()

    def write_aside(self, data: str) -> None:
        """Write a sequence that shows nothing, such as one for the clipboard."""
        if self._driver is not None and not self.is_headless:
            self._driver.write(data)
            self._driver.flush()

    def _merge(self, update: LayoutUpdate | ChopsUpdate) -> None:
        width, height = self.size
        held = self._screenful
        if held is None or (held.width, held.height) != (width, height):
            held = self._screenful = Screenful(
                width, height, self.console._color_system, scrolls=SCROLLS
            )
        pieces = _layout(update) if isinstance(update, LayoutUpdate) else _chops(update)
        for y, x, strip in pieces:
            held.put(y, x, strip)

    def _pump_soon(self) -> None:
        """Send what differs once this turn of the loop is over: it may draw twice."""
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._pump_due)

    def _pump_due(self) -> None:
        self._is_due = False
        if self._running and not self._closed:
            self._pump()

    def _pump(self) -> None:
        """Send what differs, unless a frame is still under way; a key's answer passes it."""
        if self._screenful is None or self._driver is None:
            return
        if self._asked_at and not self._passes and self._answers is not False:
            waited = time.monotonic() - self._asked_at
            limit = FENCE_FIRST_WAIT_S if self._answers is None else FENCE_WAIT_S
            if waited < limit:
                self._pump_later(limit - waited)
                return
            self._answers = self._answers or False
            self._asked_at = 0.0
        data = self._screenful.difference()
        if not data:
            return
        self._passes = max(0, self._passes - 1)
        if self._sync_available:
            data = SYNC_START + data + SYNC_END
        if self._answers is not False:
            data += FENCE_ASK
            self._asked_at = time.monotonic()
        self._driver.write(data)

    def _pump_later(self, delay_s: float) -> None:
        """See to it that what waits is sent even if no answer ever comes."""
        if self._retry is None:
            loop = asyncio.get_running_loop()
            self._retry = loop.call_later(delay_s + 0.05, self._retry_pump)

    def _retry_pump(self) -> None:
        self._retry = None
        if self._running and not self._closed:
            self._pump()

    def _set_pointer_shape(self, shape: str) -> None:
        """Leave the pointer as it is: many terminals do not know the sequence."""

    async def on_event(self, event: events.Event) -> None:
        """Take the fence's answers out of the keys, and let a real key's reaction pass."""
        if isinstance(event, events.Key):
            if event.key == FENCE_KEY:
                self._answers = True
                self._asked_at = 0.0
                self._pump()
                return
            self._passes = PASSES
        elif isinstance(event, events.Paste | events.MouseDown):
            self._passes = PASSES
        elif isinstance(event, events.Resize):
            self.forget_screen()
        await super().on_event(event)


def _layout(update: LayoutUpdate) -> Iterator[Piece]:
    for y, line in enumerate(update.strips, update.region.y):
        x = update.region.x
        for strip in line:
            yield y, x, strip
            x += strip.cell_length


def _chops(update: ChopsUpdate) -> Iterator[Piece]:
    seen: set[tuple[int, int]] = set()
    for y, first, last in update.spans:
        ends: Iterable[int] = update.chop_ends[y]
        for end, (x, strip) in zip(ends, update.chops[y].items(), strict=False):
            if strip is None or x >= last or end <= first or (y, x) in seen:
                continue
            seen.add((y, x))
            # beyond the span lies the background, not the widgets that stand on it
            yield y, x, strip if end <= last else strip.crop(0, last - x)
