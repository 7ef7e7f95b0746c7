"""How busy the machine of each server is, as the top line tells it; held by the app.

A step that runs is measured anyway: who looks at the top line costs the engine nothing. While
nothing runs there is nothing to tell, and nothing is sent.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wingman_tui.app import WingmanApp
    from wingman_tui.link import Link

Shares = dict[str, int]  # percent


class Busy:
    """The last figures of each server."""

    def __init__(self, app: WingmanApp) -> None:
        self._app = app
        self._shares: dict[str, Shares] = {}

    def look(self) -> None:
        """Hold a window on each server."""
        session = self._app.session
        for link in session.links:
            session.feed.open({"window": "gauges"}, partial(self._take, link), link)

    def of(self, link: Link) -> Shares:
        """What is known of a server now; nothing of one that does not answer."""
        return self._shares.get(link.name, {}) if link.is_live else {}

    def _take(self, link: Link, frame: dict[str, Any]) -> None:
        # an engine of an older version has no such window
        shares = frame.get("shares")
        self._shares[link.name] = shares if isinstance(shares, dict) else {}
        if link is self._app.session.link:
            self._app.refresh_status()
