"""Which log lines are held, and where new and older ones go. Pure; the log pane paints from it.

Lines have places: absolute numbers that never change while lines are put in before or taken off,
so that what is read stays where it is. The tail is held while it is followed; what is above is
fetched in pages when somebody looks. Memory is bounded on both sides.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from wingman_tui.failing import said

Line = dict[str, Any]
HELD_LIMIT = 6_000
LAST_LINE = 10**9  # of a record: none has so many
LAST_WORDS = 100  # lines among which a step's last words are looked for
GROWING_LOOK = 300  # how far above the end a line may stand that still grows


class Place(NamedTuple):
    """A line where one reads, and whether it is marked."""

    cursor: str
    is_marked: bool

    def before(self) -> str | None:
        """The cursor after which this line is the next one; None for the first of all."""
        record, at = (int(part) for part in self.cursor.split(":"))
        if at:
            return f"{record}:{at - 1}"
        return f"{record - 1}:{LAST_LINE}" if record else None


class LogWindow:
    """Consecutive lines of one log, without a hole among them."""

    def __init__(self, limit: int = HELD_LIMIT) -> None:
        self.limit = limit
        self.lines: list[Line] = []
        self.first = 0  # the place of lines[0]
        self.more_before = False
        self._before: str | None = None  # above which place to look, where it is no held line
        self.loaded = False
        self.new = 0  # lines that came while the reader was elsewhere
        self.at_end = True  # the held lines reach the log's present end
        self.asked: str | None = None  # the page under way: "before" or "after"
        self._missed = False  # lines came while a page was under way

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
            self._before = frame.get("before")
            return True
        skipped = int(frame.get("skipped") or 0)
        if not lines and not skipped:
            return False
        if following and self.at_end and lines:
            self._append_at_tail(lines, skipped)
            return True
        self.new += len(lines) + skipped
        # a reader's lines never go away under him: past the limit the tail is fetched later
        if skipped or not self.at_end or len(self.lines) + len(lines) > self.limit:
            self.at_end = False
            self._missed = True
            return False
        self._append(lines)
        return True

    def note_new(self, frame: dict[str, Any]) -> bool:
        """Only count what came, as nothing may move; False when nothing did."""
        came = len(frame.get("lines") or ()) + int(frame.get("skipped") or 0)
        self.new += came
        if came:
            self.at_end, self._missed = False, True
        return came > 0

    def _append(self, lines: list[Line]) -> None:
        """Put lines below; one that is held already has only grown."""
        for line in lines:
            if self.lines and _place(line) <= _place(self.lines[-1]):
                self._replace(line)
            else:
                self.lines.append(line)

    def _replace(self, line: Line) -> None:
        for index in range(len(self.lines) - 1, max(-1, len(self.lines) - GROWING_LOOK), -1):
            if self.lines[index]["cursor"] == line["cursor"]:
                self.lines[index] = line
                return

    def _start_over(self, lines: list[Line], more_before: bool) -> None:
        self.first = self.end  # no place is ever used twice
        self.lines = list(lines)
        self.more_before = more_before
        self._before = None
        self.loaded = True
        self.new = 0
        self.at_end = True
        self.asked = None

    def _append_at_tail(self, lines: list[Line], skipped: int) -> None:
        if skipped:
            # no hole is held: what was skipped is above, and is fetched when somebody goes there
            self.first = self.end + skipped
            self.lines = list(lines)
            self.more_before, self._before = True, None
            return
        self._append(lines)
        self._trim_head()

    def _trim_head(self) -> None:
        excess = len(self.lines) - self.limit
        if excess > 0:
            del self.lines[:excess]
            self.first += excess
            self.more_before, self._before = True, None

    def wanted_before(self, top: int, page: int) -> str | None:
        """The cursor before which a page should be fetched now, seen from the top visible place."""
        if self.asked or not self.more_before or top - self.first > page:
            return None
        place = self._place_above()
        self.asked = "before" if place is not None else None
        return place

    def _place_above(self) -> str | None:
        if self._before is not None:
            return self._before
        return str(self.lines[0]["cursor"]) if self.lines else None

    def wanted_after(self, bottom: int, page: int) -> str | None:
        """The cursor after which a page should be fetched now, when the tail is not held."""
        if self.asked or self.at_end or not self.lines or self.end - bottom > page:
            return None
        self.asked = "after"
        self._missed = False
        return str(self.lines[-1]["cursor"])

    def take_before(self, cursor: str, lines: list[Line], before: str | None) -> None:
        """Put an older page above, `before` tells where to go on; one that came late is dropped.

        A page may be empty where what is wanted is rare: only so much is looked through at once.
        """
        if self.asked != "before" or self._place_above() != cursor:
            return
        self.asked = None
        self.more_before, self._before = before is not None and before != cursor, before
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
        self.at_end = not more and not self._missed
        self._trim_head()

    def take_around(self, lines: list[Line], more_before: bool) -> None:
        """Hold another stretch of the log: what was held is elsewhere."""
        new = self.new
        self._start_over(lines, more_before)
        self.at_end, self.new = False, new  # lines may have come since: the page after these tells

    def place_of(self, cursor: str) -> int | None:
        """The place of a line, if it is held."""
        for index, line in enumerate(self.lines):
            if line["cursor"] == cursor:
                return self.first + index
        return None

    def page_failed(self) -> None:
        """The page under way did not come."""
        self.asked = None

    def last_error(self, step: str) -> str:
        """What a step said last of its failure, among the held lines; empty without such a line."""
        inside = f"{step}/"  # of its batches, its parallel steps
        for line in reversed(self.lines):
            if line.get("level") == "error" and f"{line.get('step')}/".startswith(inside):
                return str(line.get("text", ""))
        last = self.lines[-LAST_WORDS:]
        return said([line for line in last if f"{line.get('step')}/".startswith(inside)])


def _place(line: Line) -> tuple[int, int]:
    """Where a line stands in its log."""
    record, _, at = str(line["cursor"]).partition(":")
    return int(record), int(at)
