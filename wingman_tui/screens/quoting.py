"""Beside a selected failure that tells its exit code alone: what the failed step said last.

Mixed into the list of executions. Asked for when the cursor rests, once for each failure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wingman_tui.failing import said, says_little
from wingman_tui.merged import key_of

if TYPE_CHECKING:
    from wingman_tui.app import WingmanApp

Row = Mapping[str, Any]
LAST_LINES = 30
KEPT_LIMIT = 500


class Quoting:
    """The last words of failed steps, by execution and attempt."""

    _quoted: dict[tuple[str, Any], str]

    if TYPE_CHECKING:
        @property
        def console_app(self) -> WingmanApp:
            """Given by the screen."""

        def current(self) -> Row | None:
            """Given by the screen: the selected execution."""

        def refresh_frame(self) -> None:
            """Given by the screen: paint the message line."""

    def quote_of(self, row: Row) -> str:
        """What the failed step of an execution said, once that is known."""
        return self._quoted.get(_key(row), "")

    def ask_what_it_said(self) -> None:
        """Ask for the words of the selected failure, unless they are known."""
        row = self.current()
        if row is None or not says_little(row.get("error")) or _key(row) in self._quoted:
            return
        if not self.console_app.session.is_live:
            return
        if len(self._quoted) >= KEPT_LIMIT:
            self._quoted.clear()
        key, step = _key(row), str(row["error"].get("step") or "")
        self._quoted[key] = ""  # asked once, whatever comes

        def came(answer: dict[str, Any]) -> None:
            self._quoted[key] = said(answer["lines"])
            now = self.current()
            if self._quoted[key] and now is not None and _key(now) == key:
                self.refresh_frame()

        request = self.console_app.session.log_page(str(row["id"]), step=step, limit=LAST_LINES)
        self.console_app.carry_out(request, came, on_refusal=lambda _: None)


def _key(row: Row) -> tuple[str, Any]:
    return key_of(row), row.get("attempt")
