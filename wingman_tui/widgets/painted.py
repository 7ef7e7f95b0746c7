"""The ground under every widget of ours: a line API widget that paints by the app's view."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from wingman_tui.view import Part, View

if TYPE_CHECKING:
    from wingman_tui.app import WingmanApp


class Painted(Widget, inherit_bindings=False):
    """A widget whose lines are painted one by one, from data that somebody else holds."""

    ALLOW_SELECT = False

    @property
    def console_app(self) -> WingmanApp:
        """The app, as what it is."""
        return cast("WingmanApp", self.app)

    @property
    def view(self) -> View:
        """How things are shown now."""
        return self.console_app.view

    def watch_has_focus(self, has_focus: bool) -> None:
        """Nothing to style again: no rule of ours asks for the focus, the painting does."""

    def line(self, parts: Iterable[Part], cursor: str = "") -> Strip:
        """A painted line of the widget's whole width."""
        return self.view.strip(parts, self.size.width, cursor)

    def blank(self) -> Strip:
        """An empty line."""
        return self.line(())

    def repaint_line(self, y: int) -> None:
        """Mark a line of the widget to be painted again."""
        if 0 <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))
