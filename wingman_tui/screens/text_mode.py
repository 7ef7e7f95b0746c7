"""Modes that show one text, which the engine is asked for.

Textual calls the handlers of a class and of those above it: one that overrides calls no other.
"""

from __future__ import annotations

from textual import events
from textual.timer import Timer

from wingman_tui.screens.base import ModeScreen
from wingman_tui.widgets.tab_line import TabLine
from wingman_tui.widgets.text_pane import TextPane


class TextMode(ModeScreen):
    """A text that is set for the width that there is."""

    pane: TextPane

    def load(self, *, keep_place: bool) -> None:
        """Ask for the text, and show it from its beginning or where one is."""
        raise NotImplementedError

    @property
    def text_width(self) -> int:
        """How many columns a line may take."""
        return max(20, self.app.size.width - 3)

    def on_resize(self, event: events.Resize) -> None:
        """Set it anew for another width."""
        if self.is_current:
            self.load(keep_place=True)


class ReloadedText(TextMode):
    """A text that is asked for again while somebody looks."""

    RELOAD_S = 2.0
    _reloader: Timer | None = None

    def on_screen_resume(self) -> None:
        """Look, and look again while it is looked at."""
        self.pane.focus()
        if self._reloader is None:
            self._reloader = self.set_interval(self.RELOAD_S, self._reload)
        self._reloader.resume()

    def on_screen_suspend(self) -> None:
        """Nobody looks."""
        if self._reloader is not None:
            self._reloader.pause()

    def _reload(self) -> None:
        if self.console_app.session.is_live and self.may_have_changed():
            self.load(keep_place=True)

    def may_have_changed(self) -> bool:
        """Whether the text may be another one by now."""
        return True


class TabbedText(TextMode):
    """Several texts, one at a time, with their names in a line above."""

    tab: str
    tabs: TabLine

    def open_tab(self, tab: str) -> None:
        """Show another part."""
        self.tab = tab
        self.tabs.refresh()
        self.refresh_frame()
        self.load(keep_place=False)

    def do_next_tab(self) -> None:
        """The part on the right."""
        self.open_tab(self.tabs.step(1))

    def do_previous_tab(self) -> None:
        """The part on the left."""
        self.open_tab(self.tabs.step(-1))
