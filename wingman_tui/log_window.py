"""Which log lines are held, and where new and older ones go. Pure; the log pane paints from it.

Lines have places: absolute numbers that never change while lines are put in before or taken off,
so that what is read stays where it is. The tail is held while it is followed; what is above is
fetched in pages when somebody looks. Memory is bounded on both sides.
"""

from __future__ import annotations

from typing import Any

Line = dict[str, Any]
HELD_LIMIT = 6_000


class LogWindow:
    """Consecutive lines of one log, without a hole among them."""

    def __init__(self, limit: int = HELD_LIMIT) -> None:
        self.limit = limit
        self.lines: list[Line] = []
        self.first = 0  # the place of lines[0]
        self.more_before = False
        self.loaded = False
        self.new = 0  # lines that came while the reader was elsewhere
        self.at_end = True  # the held lines reach the log's present end
        self.asked: str | None = None  # the page under way: "before" or "after"

    @property
    def end(self) -> int:
        """The place after the last held line."""
        return self.first + len(self.lines)

    def line_at(self, place: int) -> Line | None:
        """The line at a place, if it is held."""
        index = place - self.first
        return self.lines[index] if 0 <= index < len(self.lines) else None

    def apply(self, frame: dict[str, Any], following: bool) -> bool:
        """Take a frame of the log window in; True when what is held changed."""
        lines = frame.get("lines") or []
        if frame.get("kind") == "snapshot":
            self._start_over(lines, bool(frame.get("more_before")))
            return True
        skipped = int(frame.get("skipped") or 0)
        if not lines and not skipped:
            return False
        if following:
            self._append_at_tail(lines, skipped)
            return True
        self.new += len(lines) + skipped
        # a reader's lines never go away under him: past the limit the tail is fetched later
        if skipped or not self.at_end or len(self.lines) + len(lines) > self.limit:
            self.at_end = False
            return False
        self.lines.extend(lines)
        return True

    def _start_over(self, lines: list[Line], more_before: bool) -> None:
        self.first = self.end  # no place is ever used twice
        self.lines = list(lines)
        self.more_before = more_before
        self.loaded = True
        self.new = 0
        self.at_end = True
        self.asked = None

    def _append_at_tail(self, lines: list[Line], skipped: int) -> None:
        if skipped:
            # no hole is held: what was skipped is above, and is fetched when somebody goes there
            self.first = self.end + skipped
            self.lines = list(lines)
            self.more_before = True
            return
        self.lines.extend(lines)
        excess = len(self.lines) - self.limit
        if excess > 0:
            del self.lines[:excess]
            self.first += excess
            self.more_before = True

    def wanted_before(self, top: int, page: int) -> str | None:
        """The cursor before which a page should be fetched now, seen from the top visible place."""
        if self.asked or not self.more_before or not self.lines or top - self.first > page:
            return None
        self.asked = "before"
        return str(self.lines[0]["cursor"])

    def wanted_after(self, bottom: int, page: int) -> str | None:
        """The cursor after which a page should be fetched now, when the tail is not held."""
        if self.asked or self.at_end or not self.lines or self.end - bottom > page:
            return None
        self.asked = "after"
        return str(self.lines[-1]["cursor"])

    def take_before(self, cursor: str, lines: list[Line], more: bool) -> None:
        """Put an older page above; an answer that came too late is dropped."""
        if self.asked != "before" or not self.lines or self.lines[0]["cursor"] != cursor:
            return
        self.asked = None
        self.more_before = more and bool(lines)
        self.lines[:0] = lines
        self.first -= len(lines)
        excess = len(self.lines) - self.limit
        if excess > 0:
            del self.lines[-excess:]
            self.at_end = False

    def take_after(self, cursor: str, lines: list[Line], more: bool) -> None:
        """Put a newer page below; without more to come the tail is held again."""
        if self.asked != "after" or not self.lines or self.lines[-1]["cursor"] != cursor:
            return
        self.asked = None
        self.lines.extend(lines)
        self.new = max(0, self.new - len(lines))
        self.at_end = not more
        excess = len(self.lines) - self.limit
        if excess > 0:
            del self.lines[:excess]
            self.first += excess
            self.more_before = True

    def page_failed(self) -> None:
        """The page under way did not come."""
        self.asked = None

    def last_error(self, step: str) -> str:
        """What the last held error line of a step says; empty without one."""
        for line in reversed(self.lines):
            if line.get("level") == "error" and line.get("step") == step:
                return str(line.get("text", ""))
        return ""

    def find(self, start: int, step: int, level: str) -> int | None:
        """The place of the next held line of a level, from `start` on, up (-1) or down (1)."""
        place = start
        while self.first <= place < self.end:
            line = self.line_at(place)
            if line is not None and line.get("level") == level:
                return place
            place += step
        return None
