"""Tells alerts on the terminal itself: the bell, the window's title, a notification of the desktop.

What channels `terminal://` deliver, where `notify` in `[console]` asks for it. Held by the app.
Names come from anywhere: nothing of them can end a sequence or begin another one.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from wingman_tui.sanitise import clean

if TYPE_CHECKING:
    from wingman_tui.app import WingmanApp

BELL = "\a"
KEEP_TITLE, OLD_TITLE = "\x1b[22;2t", "\x1b[23;2t"
LONGEST = 200  # characters of what a notification says
PLAIN_TITLE = "wingman"
KEYS_KEPT = 500


def title_sequence(text: str) -> str:
    """What sets the window's title; tmux takes it as the title of its pane."""
    return f"\x1b]2;{_safe(text)}\x07"


def desktop_sequence(text: str, environ: Mapping[str, str] = os.environ) -> str:
    """What has the terminal show a notification (OSC 9), through tmux and screen.

    It never begins with a digit: terminals take `9;4;…` for something else.
    """
    plain = f"\x1b]9;Wingman: {_safe(text)}\x07"
    if environ.get("TMUX"):  # passed on where `allow-passthrough` is on
        return "\x1bPtmux;" + plain.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    if environ.get("STY"):
        return f"\x1bP{plain}\x1b\\"
    return plain


def _safe(text: str) -> str:
    """One line of printable characters."""
    return clean(" ".join(text.split()))[:LONGEST]


class Notifying:
    """The window of the feed that is told alerts, and what was told already."""

    def __init__(self, app: WingmanApp) -> None:
        self._app = app
        self._ways = app.settings.notify
        self._keys: dict[str, None] = {}  # the newest, so that what comes twice is told once
        self._has_title = self._is_news = False

    def look(self) -> None:
        """Be what the channels `terminal://` deliver to, where that is wanted."""
        if self._ways:
            session = self._app.session
            for link in session.links:  # of each server that is looked at
                request = {"window": "alerts", "limit": 1, "terminal": True}
                session.feed.open(request, self._frame, link)

    def _frame(self, frame: Mapping[str, Any]) -> None:
        news = [each for each in frame.get("told") or () if each["key"] not in self._keys]
        if not news:
            return
        self._keys |= {str(each["key"]): None for each in news}
        while len(self._keys) > KEYS_KEPT:
            self._keys.pop(next(iter(self._keys)))
        self._tell(news)

    def _tell(self, told: Sequence[Mapping[str, Any]]) -> None:
        """Tell all that has come at once by one sound and one notification."""
        more = f" (and {len(told) - 1} more)" if len(told) > 1 else ""
        words = f"{told[-1]['title']}{more}"
        good = told[-1]["kind"] in ("completed", "recovered", "test")
        self._app.tell(f"{words}; I shows the inbox", "good" if good else "error")
        data = BELL if "bell" in self._ways else ""
        if "title" in self._ways:
            data += "" if self._has_title else KEEP_TITLE
            data += title_sequence(f"{PLAIN_TITLE}: {words}")
            self._has_title = self._is_news = True
        if "desktop" in self._ways:
            data += desktop_sequence(words)
        self._app.write_aside(data)

    def seen(self) -> None:
        """Somebody looks at the inbox: the title has done its work."""
        if self._is_news:
            self._is_news = False
            self._app.write_aside(title_sequence(PLAIN_TITLE))

    def close(self) -> None:
        """Give the title back as it was."""
        if self._has_title:
            self._has_title = False
            self._app.write_aside(OLD_TITLE)
