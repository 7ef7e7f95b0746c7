"""Audit: who did what, from where and why; and whether the record is whole. For admins."""

from __future__ import annotations

from typing import Any

from textual import events
from textual.app import ComposeResult
from textual.timer import Timer

from wingman_tui import audit
from wingman_tui.lines import Refused
from wingman_tui.screens.base import ModeScreen
from wingman_tui.view import Part
from wingman_tui.widgets.text_pane import TextPane

RELOAD_S = 5.0


class AuditScreen(ModeScreen):
    """The newest lines of the audit, those with a text, and the check of all of it."""

    SCOPE = "audit"

    def panes(self) -> ComposeResult:
        """One pane of lines, the newest first."""
        self.wanted = ""
        self.verdict: list[Part] = []
        self.pane = TextPane(id="audit")
        self._reloader: Timer | None = None
        yield self.pane

    def title_words(self) -> tuple[str, ...]:
        """What is looked for."""
        return ("Audit", f"“{self.wanted}”") if self.wanted else ("Audit",)

    def about(self) -> list[Part]:
        """What the check has said."""
        return self.verdict

    def on_screen_resume(self) -> None:
        """Look, and look again while it is looked at."""
        self.pane.focus()
        if self._reloader is None:
            self._reloader = self.set_interval(RELOAD_S, self._reload)
        self._reloader.resume()
        self._load(keep_place=False)

    def on_screen_suspend(self) -> None:
        """Nobody looks."""
        if self._reloader is not None:
            self._reloader.pause()

    def on_resize(self, event: events.Resize) -> None:
        """Set it anew for another width."""
        if self.is_current:
            self._load(keep_place=True)

    def _reload(self) -> None:
        if self.console_app.session.is_live:
            self._load(keep_place=True)

    def _load(self, *, keep_place: bool) -> None:
        wanted = self.wanted

        def came(answer: dict[str, Any]) -> None:
            if wanted == self.wanted:
                width = max(20, self.app.size.width - 3)
                lines = audit.lines(answer, width, self.console_app.view.zone)
                if lines != self.pane.lines:
                    self.pane.show(lines, keep_place=keep_place)

        def refused(refusal: Refused) -> None:
            self.pane.show([[(str(refusal), "warning")]])

        request = self.console_app.session.audit(wanted)
        self.console_app.carry_out(request, came, on_refusal=refused)

    def leave_filter(self) -> bool:
        """Look at all of it again."""
        if not self.wanted:
            return False
        self._look_for("")
        return True

    def _look_for(self, text: str) -> None:
        self.wanted = text
        self.refresh_frame()
        self._load(keep_place=False)

    # actions

    def do_search(self) -> None:
        """Ask for a text."""
        self.ask_line(" search the audit ", self.wanted, self._look_for)

    def do_verify(self) -> None:
        """Have the chain and its checkpoints checked."""

        def came(answer: dict[str, Any]) -> None:
            self.verdict = audit.verdict(answer)
            self.refresh_frame()

        self.console_app.tell("checking …", "muted")
        self.console_app.carry_out(self.console_app.session.verify_audit(), came)

    def do_copy(self) -> None:
        """Copy what is shown."""
        self.console_app.copy(self.pane.text(), "the audit")
