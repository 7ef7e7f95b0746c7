"""What the panel quotes of a failed step's log: its last words, wherever one reads.

Mixed into the execution's screen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wingman_tui.last_words import Failure, LastWords

if TYPE_CHECKING:
    from wingman_tui.screens.base import ModeScreen as Base
    from wingman_tui.state import ExecutionView
    from wingman_tui.widgets.log_pane import LogPane
    from wingman_tui.widgets.step_panel import StepPanel
else:
    Base = object


class Quoting(Base):
    """Mixed into the execution's screen."""

    opened: ExecutionView
    panel: StepPanel
    if TYPE_CHECKING:
        log_pane: LogPane

        @property
        def meant(self) -> str:
            """Given by the screen: the execution's id."""

        def selected(self) -> tuple[str, dict[str, Any] | None]:
            """Given by the screen."""

    def quote_nothing(self) -> None:
        """Another execution is shown."""
        self._said: dict[tuple[str, Any], str] = {}  # last words by step and attempt
        self._words = LastWords(self.console_app, lambda path: self.panel.refresh())

    def log_changed(self) -> None:
        """The panel quotes the last error of a step that has failed."""
        _, row = self.selected()
        if row is not None and row.get("error"):
            self.panel.refresh()

    def last_error(self, path: str) -> str:
        """What a step said last: its log's end if that is at hand, else what is asked for."""
        attempts = self.opened.steps.get(path, {}).get("attempts")
        key, pane = (path, attempts), self.log_pane
        # what a search or a level leaves, or stands above the end, are not its last words
        is_end = pane.window.loaded and pane.window.at_end and not pane.choice.leaves_out
        words = pane.window.last_error(path) if path and is_end else ""
        if words:
            self._said[key] = words
        if path and pane.window.loaded and key not in self._said:
            failure = Failure(path, self.meant, path, attempts)
            self._words.ask([failure])
            return self._words.of(failure)
        return self._said.get(key, "")
