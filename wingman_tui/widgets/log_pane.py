"""The live log: a window of lines painted as they are looked at, following the end or not.

Follow is a state: it is on when the pane opens at the end, and any move upwards ends it. While it
is off nothing moves under the reader; what came in the meantime is counted in the title. Frozen,
coming to the end does not start it again either.
"""

from __future__ import annotations

from rich.cells import cell_len
from textual import events
from textual.message import Message

from wingman_tui import wrapped
from wingman_tui.log_choice import LogChoice
from wingman_tui.log_search import LogSearch, finder
from wingman_tui.log_text import plain
from wingman_tui.log_window import Line, LogWindow, Place
from wingman_tui.widgets.log_lines import LogLines
from wingman_tui.widgets.log_title import action_at

WHEEL_LINES = 3
TITLE_S = 0.04  # the answer of an engine that is near comes sooner, and is drawn with it
WAITING_S = 0.15  # lines that come sooner replace the old ones at once


class LogPane(LogLines, can_focus=True):
    """The lines of one step, of some, or of all, from a level on."""

    class Wants(Message):
        """Lines that are not held should be fetched."""

        def __init__(self, before: str | None, after: str | None) -> None:
            super().__init__()
            self.before = before
            self.after = after

    class FirstWanted(Message):
        """The log's first line is gone to, and is not at hand."""

    class TailWanted(Message):
        """The end is followed again, and is not at hand; `by_key` where somebody goes there."""

        def __init__(self, by_key: bool) -> None:
            super().__init__()
            self.by_key = by_key

    class Paced(Message):
        """New lines are looked at from now on, or only counted."""

    class Pressed(Message):
        """An action that the title names was clicked."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self, search: LogSearch, *, id: str | None = None) -> None:
        super().__init__(search, id=id)
        self._was_following = True  # when it was frozen

    @property
    def takes_lines(self) -> bool:
        """Whether lines that come are shown, not only counted."""
        return self.is_following and not self.is_frozen

    def wrap(self) -> None:
        """Break long lines, or cut them again."""
        self._top, self._row = self.top, 0
        self.is_wrapped = not self.is_wrapped
        self._left = 0
        self.refresh()

    def show(self, choice: LogChoice) -> None:
        """Another log is shown from now on; its lines are on their way.

        Until they come, or for a moment, what was painted stays: nothing flickers.
        """
        self.choice = choice
        self.window = LogWindow()
        self.mark = None
        self._left = 0
        self.is_following, self.is_frozen = True, False
        self.set_timer(TITLE_S, self._show_title)
        self.set_timer(WAITING_S, self._show_waiting)

    def _show_title(self) -> None:
        if not self.window.loaded:
            self.repaint_line(0)

    def _show_waiting(self) -> None:
        if not self.window.loaded:
            self.refresh()

    def apply(self, frame: dict[str, object]) -> None:
        """Take a frame of the log window in."""
        if self.is_frozen and frame.get("kind") != "snapshot":
            if self.window.note_new(frame):
                self.repaint_line(0)
            return
        if self.window.apply(frame, self.is_following):
            self._fetch_around()
            self.refresh()
        elif not self.is_following:
            self.repaint_line(0)  # only the count of new lines
        elif not self.window.at_end:
            self.post_message(self.TailWanted(by_key=False))

    # moving

    def move(self, how: str) -> None:
        """Move by the name of an action: down, up, page_down, page_up, first, last."""
        if how == "last" and not self.is_frozen:
            self.follow()
            return
        if how == "first" and self.window.more_before:
            self.post_message(self.FirstWanted())
            return
        page = max(1, self.page - 1)
        steps = {"down": 1, "up": -1, "page_down": page, "page_up": -page}
        ends = {"first": self.window.first, "last": self.window.end}
        if how in ends:
            self.scroll_to_spot((ends[how], 0))
        else:
            self.scroll_by(steps[how])

    def scroll_by(self, rows: int) -> None:
        """Move by so many rows, which are lines unless long ones take several."""
        place, row = self.spot
        if not self.is_wrapped:
            self.scroll_to_spot((place + rows, 0))
        else:
            held = self.window
            spot = wrapped.moved(self._count_rows, held.first, held.end, (place, row), rows)
            self.scroll_to_spot(spot, is_down=rows > 0)

    def scroll_to_spot(self, spot: wrapped.Spot, *, is_down: bool | None = None) -> None:
        """Put a row at the top; at the very end of a held tail, following goes on."""
        is_down = spot >= self.spot if is_down is None else is_down
        bottom = self.last_spot()
        self._top, self._row = max((self.window.first, 0), min(spot, bottom))
        at_bottom = (self._top, self._row) >= bottom and self.window.at_end
        self._set_following(at_bottom and is_down and not self.is_frozen)
        if self.is_following:
            self.window.new = 0
        self._fetch_around()
        self.refresh()

    def follow(self) -> None:
        """Go to the end and stay there."""
        self.is_frozen = False
        self.mark = None
        self.window.new = 0
        self._set_following(True)
        if not self.window.at_end:
            self.post_message(self.TailWanted(by_key=True))
        self.refresh()

    def unfollow(self) -> None:
        """Stay at the lines that are visible."""
        self._top, self._row = self.spot
        self._set_following(False)
        self.refresh()

    def freeze(self) -> None:
        """Hold everything still, or go on as before."""
        if not self.is_frozen:
            self._was_following = self.is_following
            self.unfollow()
            self.is_frozen = True
            return
        self.is_frozen = False
        if self._was_following:
            self.follow()
        self.refresh()

    def _set_following(self, follows: bool) -> None:
        if follows != self.is_following:
            self.is_following = follows
            self.post_message(self.Paced())

    def sideways(self, pages: int) -> None:
        """Move half a page to the left or the right."""
        self._left = max(0, self._left + pages * max(8, self._text_cells() // 2))
        self.refresh()

    def go_to_line(self, place: int) -> None:
        """Mark a held line, and bring it into sight with some lines above it."""
        self.unfollow()
        self.mark = place
        if place not in self.in_sight():
            self._top, self._row = place - self.page // 3, 0
            if self.is_wrapped:
                held, above = self.window, -(self.page // 3)
                self._top, self._row = wrapped.moved(
                    self._count_rows, held.first, held.end, (place, 0), above
                )
        spot = min((self._top, self._row), self.last_spot())
        self._top, self._row = max((self.window.first, 0), spot)
        self._fetch_around()
        self.refresh()

    def jump(self, found: str, lines: list[Line], more_before: bool) -> None:
        """Go to a line that was found, with the lines around it, if it is not held already."""
        place = self.window.place_of(found)
        if place is None:
            self.unfollow()
            self.window.take_around(lines, more_before)
            place = self.window.place_of(found)
        if place is not None:
            self.go_to_line(place)

    def reading(self) -> Place | None:
        """Where one reads: the marked line, else the first in sight; nowhere at the end."""
        if self.is_following:
            return None
        marked = self.marked_line()
        cursor = str(marked["cursor"]) if marked is not None else self._cursor(self.top)
        return Place(cursor, marked is not None) if cursor is not None else None

    def go_back(
        self, place: Place, found: str, lines: list[Line], *, more_before: bool
    ) -> None:
        """Show the line where one was, or the nearest there is: marked, else as the first."""
        self.jump(found, lines, more_before)
        if not place.is_marked and self.mark is not None:
            spot = min((self.mark, 0), self.last_spot())
            self._top, self._row = max((self.window.first, 0), spot)
            self.mark = None
            self._fetch_around()
            self.refresh()

    def show_match(self) -> None:
        """Move sideways as far as the match in the marked line needs it to be seen."""
        if self.mark is None or self.is_wrapped:
            return
        text = plain(self._parts_at(self.mark))
        begin, end = next(iter(finder(self.search.pattern)(text)), (0, 0))
        first, last = cell_len(text[:begin]), cell_len(text[:end])
        room = self._text_cells() - 1  # an ellipsis takes one
        if last <= room:
            self._left = 0
        elif not self._left <= first <= last <= self._left + room:
            self._left = max(0, first - room // 2)
        self.refresh()

    def show_begin(self) -> None:
        """The lines from their first character on."""
        self._left = 0
        self.refresh()

    def seen_from(self, back: bool) -> str | None:
        """The cursor from which a search goes on: the marked line's, else the view's edge."""
        here = self.mark
        if here is None or here not in self.in_sight():
            here = self.in_sight().stop if back else self.top - 1
            if back and here >= self.window.end:
                return None if self.window.at_end else self._cursor(self.window.end - 1)
        return self._cursor(here)

    def marked_line(self) -> Line | None:
        """The line that a jump or a click has marked, if it is in sight."""
        here = self.mark
        if here is None or here not in self.in_sight():
            return None
        return self.window.line_at(here)

    def visible_lines(self) -> list[Line]:
        """The lines in sight."""
        lines = map(self.window.line_at, self.in_sight())
        return [line for line in lines if line is not None]

    def _cursor(self, place: int) -> str | None:
        line = self.window.line_at(place)
        return None if line is None else str(line["cursor"])

    def lines_came(self) -> None:
        """A fetched page was put in."""
        self._top, self._row = max((self.window.first, 0), (self._top, self._row))
        self._fetch_around()
        self.refresh()

    def _fetch_around(self) -> None:
        if self.is_following:
            # the screen is not full: what is wanted is so rare that it is looked for piece by piece
            is_short = len(self.window.lines) < self.page
            before = self.window.wanted_before(self.top, self.page) if is_short else None
            after = None
        else:
            before = self.window.wanted_before(self._top, self.page)
            after = self.window.wanted_after(self._top + self.page, self.page)
        if before is not None or after is not None:
            self.post_message(self.Wants(before, after))

    # focus and mouse

    def on_focus(self) -> None:
        """The title tells where the keys go."""
        self.repaint_line(0)

    def on_blur(self) -> None:
        """The title steps back."""
        self.repaint_line(0)

    def on_resize(self) -> None:
        """The first visible line stays the first."""
        if not self.is_following:
            top = max(self.window.first, min(self._top, self.window.end - 1))
            if (top, 0) != (self._top, self._row):
                self._top, self._row = top, 0
                self.refresh()
            self._fetch_around()

    def on_click(self, event: events.Click) -> None:
        """Mark a line, to copy it or to search on from it; do what the title names."""
        self.focus()
        if not event.y and (name := action_at(self.title(), event.x)):
            self.post_message(self.Pressed(name))
        place = self.top + event.y - 1
        if event.y and not self.is_wrapped and self.window.line_at(place) is not None:
            self.unfollow()
            self.mark = None if place == self.mark else place
            self.refresh()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Towards the end."""
        self.scroll_by(WHEEL_LINES)
        event.stop()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Upwards: following ends."""
        self.scroll_by(-WHEEL_LINES)
        event.stop()
