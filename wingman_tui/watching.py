"""Tells of failures of the flows that an operator watches, in whatever mode the console is.

Held by the app. A window of the feed shows the newest failures of these flows; what was there when
it opened is no news, and neither is what it shows again after a lost connection.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from wingman_tui.naming import error_line, name_on

if TYPE_CHECKING:
    from wingman_tui.app import WingmanApp

BELL = "\a"
ROWS = 30
PLAIN_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")


class Watching:
    """The window, and what it has shown already."""

    def __init__(self, app: WingmanApp) -> None:
        self._app = app
        self._windows: list[int] = []
        self._seen: list[Seen] = []

    def look(self) -> None:
        """Watch the flows that are watched now."""
        session = self._app.session
        while self._windows:
            session.feed.close(self._windows.pop())
        self._seen.clear()
        flows = [name for name in self._app.kept.watched if PLAIN_NAME.fullmatch(name)]
        if not flows:
            return
        line = f"state:failed,partial flow:{','.join(flows)}"
        request = {"window": "executions", "filter": line[:1_000], "offset": 0, "limit": ROWS}
        for link in session.links:
            server = link.name if session.is_several else ""
            seen = Seen(partial(self._tell, server))
            self._seen.append(seen)
            self._windows.append(session.feed.open(request, seen.take, link))

    @property
    def has_looked(self) -> bool:
        """Whether what was there is known: what comes from now on is news."""
        return bool(self._seen) and all(seen.is_begun for seen in self._seen)

    def toggle(self, flow: str) -> bool:
        """Watch a flow, or no longer; True when it is watched now."""
        is_watched = self._app.kept.watch(flow)
        self._app.keep()
        self.look()
        return is_watched

    def _tell(self, server: str, rows: list[dict[str, Any]]) -> None:
        row = {**rows[0], "server": server}
        more = f" (and {len(rows) - 1} more)" if len(rows) > 1 else ""
        words = f"{name_on(row)} {row.get('state')}: {error_line(row.get('error') or {})}{more}"
        self._app.tell(words, "error")
        if self._app.settings.bell:
            self._app.write_aside(BELL)


class Seen:
    """What one window has shown already; `tell` hears of what is new since its first frame."""

    def __init__(self, tell: Callable[[list[dict[str, Any]]], None]) -> None:
        self._tell = tell
        self._known: set[tuple[str, int]] | None = None

    @property
    def is_begun(self) -> bool:
        """Whether the first frame has come."""
        return self._known is not None

    def take(self, frame: dict[str, Any]) -> None:
        """Take a frame of the window in."""
        came = frame.get("rows", ())
        rows = {(str(row["id"]), int(row.get("attempt") or 1)): row for row in came}
        if self._known is None:
            self._known = set(rows)
            return
        news = [row for key, row in rows.items() if key not in self._known]
        self._known |= set(rows)
        if news:
            self._tell(news)
