"""Modes that look through one window of the feed for as long as they are shown."""

from __future__ import annotations

from typing import Any

from wingman_tui.screens.base import ModeScreen


class LookingScreen(ModeScreen):
    """A mode with one window: open while somebody looks, closed while nobody does.

    Textual calls the handlers of a class and of those above it: one that overrides calls no other.
    """

    LOOKS_AT = ""
    _window: int | None = None

    def on_screen_resume(self) -> None:
        """Look."""
        self._look_away()
        self._window = self.console_app.session.feed.open(
            {"window": self.LOOKS_AT}, self._frame_came
        )

    def on_screen_suspend(self) -> None:
        """Nobody looks."""
        self._look_away()

    def _look_away(self) -> None:
        if self._window is not None:
            self.console_app.session.feed.close(self._window)
            self._window = None

    def _frame_came(self, frame: dict[str, Any]) -> None:
        if frame.get("kind") != "error":
            self.take_frame(frame)

    def take_frame(self, frame: dict[str, Any]) -> None:
        """Show what a frame of the window tells."""
        raise NotImplementedError
