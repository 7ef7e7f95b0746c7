"""System: the engine's own state: its facts, its log, what doctor finds, who holds which pool."""

from __future__ import annotations

import time
from typing import Any

from textual.app import ComposeResult

from wingman_tui import system
from wingman_tui.keymap import Action
from wingman_tui.screens.levels import Levels
from wingman_tui.screens.text_mode import ReloadedText, TabbedText
from wingman_tui.widgets.tab_line import TabLine
from wingman_tui.widgets.text_pane import TextPane

TABS = ("log", "doctor", "pools", "engine")
LEVELS = ("debug", "info", "warning", "error")


class SystemScreen(Levels, TabbedText, ReloadedText):
    """What the engine tells of itself."""

    SCOPE = "system"

    def panes(self) -> ComposeResult:
        """The parts' names above the text."""
        self.tab = TABS[0]
        self.level = LEVELS[0]
        self.follows = True
        self.pane = TextPane(id="system")
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
        """Show the part that was asked for, or the one that was open."""
        self.open_tab(self.console_app.system_tab or self.tab)
        self.console_app.system_tab = ""

    def may_have_changed(self) -> bool:
        """What doctor finds takes it a while: it is asked again when somebody comes back."""
        return self.tab != "doctor"

    def load(self, *, keep_place: bool) -> None:
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
        width, view = self.text_width, self.console_app.view
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

    def do_follow(self) -> None:
        """Stay at the log's end, or where one is."""
        self.follows = not self.follows
        self.refresh_frame()
        if self.follows:
            self.pane.move("last")

    def set_level(self, level: str) -> None:
        """Show lines of this level and worse, of the log."""
        self.level = level
        self.open_tab("log")

    def do_copy(self) -> None:
        """Copy what is shown."""
        self.console_app.copy(self.pane.text(), f"the {self.tab}")
