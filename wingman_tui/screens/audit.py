"""Audit: who did what, from where and why; and whether the record is whole. For admins."""

from __future__ import annotations

from typing import Any

from textual.app import ComposeResult

from wingman_tui import audit
from wingman_tui.lines import Refused
from wingman_tui.screens.text_mode import ReloadedText
from wingman_tui.view import Part
from wingman_tui.widgets.text_pane import TextPane


class AuditScreen(ReloadedText):
    """The newest lines of the audit, those with a text, and the check of all of it."""

    SCOPE = "audit"
    RELOAD_S = 5.0

    def panes(self) -> ComposeResult:
        """One pane of lines, the newest first."""
        self.wanted = ""
        self.verdict: list[Part] = []
        self.pane = TextPane(id="audit")
        yield self.pane

    def title_words(self) -> tuple[str, ...]:
        """What is looked for."""
        return ("Audit", f"“{self.wanted}”") if self.wanted else ("Audit",)

    def about(self) -> list[Part]:
        """What the check has said."""
        return self.verdict

    def on_screen_resume(self) -> None:
        """Look from the newest line on."""
        self.load(keep_place=False)

    def load(self, *, keep_place: bool) -> None:
        wanted = self.wanted

        def came(answer: dict[str, Any]) -> None:
            if wanted == self.wanted:
                lines = audit.lines(answer, self.text_width, self.console_app.view.zone)
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
        self.load(keep_place=False)

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
