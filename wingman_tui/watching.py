"""Tells of failures of the flows that an operator watches, in whatever mode the console is.

Held by the app. A window of the feed shows the newest failures of these flows; what was there when
it opened is no news, and neither is what it shows again after a lost connection.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from wingman_tui.columns import error_line, name_of

if TYPE_CHECKING:
    from wingman_tui.app import WingmanApp

BELL = "\a"
ROWS = 30
PLAIN_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")


class Watching:
    """The window, and what it has shown already."""

    def __init__(self, app: WingmanApp) -> None:
        self._app = app
        self._window: int | None = None
        self._seen: set[tuple[str, int]] | None = None

    def look(self) -> None:
        """Watch the flows that are watched now."""
        feed = self._app.session.feed
        if self._window is not None:
            feed.close(self._window)
            self._window = None
        self._seen = None
        flows = [name for name in self._app.kept.watched if PLAIN_NAME.fullmatch(name)]
        if flows:
            line = f"state:failed,partial flow:{','.join(flows)}"
            request = {"window": "executions", "filter": line[:1_000], "offset": 0, "limit": ROWS}
            self._window = feed.open(request, self._frame)

    def toggle(self, flow: str) -> bool:
        """Watch a flow, or no longer; True when it is watched now."""
        is_watched = self._app.kept.watch(flow)
        self._app.keep()
        self.look()
        return is_watched

    def _frame(self, frame: dict[str, Any]) -> None:
        came = frame.get("rows", ())
        rows = {(str(row["id"]), int(row.get("attempt") or 1)): row for row in came}
        if self._seen is None:
            self._seen = set(rows)
            return
        news = [row for key, row in rows.items() if key not in self._seen]
        self._seen |= set(rows)
        if news:
            self._tell(news)

    def _tell(self, rows: list[dict[str, Any]]) -> None:
        row = rows[0]
        more = f" (and {len(rows) - 1} more)" if len(rows) > 1 else ""
        words = f"{name_of(row)} {row.get('state')}: {error_line(row.get('error') or {})}{more}"
        self._app.tell(words, "error")
        if self._app.settings.bell:
            self._app.write_aside(BELL)
