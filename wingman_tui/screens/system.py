"""System: the engine's own state: its facts, its log, what doctor finds, who holds which pool."""

from __future__ import annotations

import time
from typing import Any

from textual import events
from textual.app import ComposeResult
from textual.timer import Timer

from wingman_tui import system
from wingman_tui.keymap import Action
from wingman_tui.screens.base import ModeScreen
from wingman_tui.widgets.tab_line import TabLine
from wingman_tui.widgets.text_pane import TextPane

TABS = ("log", "doctor", "pools", "engine")
RELOAD_S = 2.0
LEVELS = ("debug", "info", "warning", "error")


class SystemScreen(ModeScreen):
    """What the engine tells of itself."""

    SCOPE = "system"

    def panes(self) -> ComposeResult:
        """The parts' names above the text."""
        self.tab = TABS[0]
        self.level = LEVELS[0]
        self.follows = True
        self.pane = TextPane(id="system")
        self._reloader: Timer | None = None
        self.tabs = TabLine(TABS, lambda: self.tab, self.open_tab)
        yield self.tabs
        yield self.pane

    def title_words(self) -> tuple[str, ...]:
        """The part, and what is left out of the log."""
        if self.tab != "log":
            return ("System", self.tab.capitalize())
        least = "" if self.level == LEVELS[0] else f" {self.level}"
        return ("System", f"Log{least}{'' if self.follows else ', held'}")

    def on_screen_resume(self) -> None:
        """Look, and look again while it is looked at."""
        self.pane.focus()
        if self._reloader is None:
            self._reloader = self.set_interval(RELOAD_S, self._reload)
        self._reloader.resume()
        self.open_tab(self.console_app.system_tab or self.tab)
        self.console_app.system_tab = ""

    def on_screen_suspend(self) -> None:
        """Nobody looks."""
        if self._reloader is not None:
            self._reloader.pause()

    def _reload(self) -> None:
        if self.console_app.session.is_live and self.tab != "doctor":
            self._load(keep_place=True)

    def open_tab(self, tab: str) -> None:
        """Show another part."""
        self.tab = tab
        self.tabs.refresh()
        self.refresh_frame()
        self._load(keep_place=False)

    def on_resize(self, event: events.Resize) -> None:
        """Set it anew for another width."""
        if self.is_current:
            self._load(keep_place=True)

    def _load(self, *, keep_place: bool) -> None:
        tab, level = self.tab, self.level
        if tab == "doctor" and not keep_place:
            self.pane.show([[(" looking …", "muted")]])

        def came(answer: dict[str, Any]) -> None:
            if (tab, level) == (self.tab, self.level):
                self._show(answer, keep_place)

        def refused() -> None:
            if tab == self.tab:
                self.pane.show([])  # the message line says why; nothing of another part stays

        self.console_app.carry_out(self.console_app.session.system(tab, level), came, refused)

    def _show(self, answer: dict[str, Any], keep_place: bool) -> None:
        width, view = max(20, self.app.size.width - 3), self.console_app.view
        if self.tab == "log":
            lines = system.log_lines(answer, width, view.zone)
        elif self.tab == "doctor":
            lines = system.doctor_lines(answer, width, view.ascii_only)
        elif self.tab == "pools":
            lines = system.pool_lines(answer, view.now())
        else:
            lines = system.engine_lines(answer, time.time(), view.zone)
        if lines == self.pane.lines:
            return
        at_end = self.tab == "log" and self.follows
        self.pane.show(lines, keep_place=keep_place)
        if at_end:
            self.pane.move("last")

    # actions

    def perform(self, action: Action) -> None:
        """Any move upwards lets go of the log's end."""
        if action.scope == "list" and action.name in ("up", "page_up", "first"):
            self.follows = False
            self.refresh_frame()
        super().perform(action)

    def do_next_tab(self) -> None:
        """The part on the right."""
        self.open_tab(self.tabs.step(1))

    def do_previous_tab(self) -> None:
        """The part on the left."""
        self.open_tab(self.tabs.step(-1))

    def do_follow(self) -> None:
        """Stay at the log's end, or where one is."""
        self.follows = not self.follows
        self.refresh_frame()
        if self.follows:
            self.pane.move("last")

    def _set_level(self, level: str) -> None:
        self.level = level
        self.open_tab("log")

    def do_level_debug(self) -> None:
        """All of the log."""
        self._set_level("debug")

    def do_level_info(self) -> None:
        """Info and what is worse."""
        self._set_level("info")

    def do_level_warning(self) -> None:
        """Warnings and errors."""
        self._set_level("warning")

    def do_level_error(self) -> None:
        """Errors alone."""
        self._set_level("error")

    def do_copy(self) -> None:
        """Copy what is shown."""
        self.console_app.copy(self.pane.text(), f"the {self.tab}")
