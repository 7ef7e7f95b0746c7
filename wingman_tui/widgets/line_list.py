"""A list of lines with a cursor: what table, tree, help and palette have in common.

Cursor and scroll place are kept by key, so that nothing jumps when rows come and go. Only lines
that change are painted again.
"""

from __future__ import annotations

from textual import events
from textual.message import Message
from textual.strip import Strip

from wingman_tui.widgets.painted import Painted

WHEEL_ROWS = 3


class LineList(Painted, can_focus=True):
    """Rows under an optional header; a subclass says how many, which key, and how they look."""

    header_rows = 0

    class Moved(Message):
        """The cursor is on another row."""

        def __init__(self, lines: LineList) -> None:
            super().__init__()
            self.lines = lines

        @property
        def control(self) -> LineList:
            """The list that was moved in."""
            return self.lines

    class Chosen(Moved):
        """A row was clicked twice."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.cursor = 0
        self.top = 0
        self.cursor_key: str | None = None
        self._top_key: str | None = None

    # what a subclass gives

    def row_count(self) -> int:
        """How many rows there are."""
        raise NotImplementedError

    def row_key(self, index: int) -> str | None:
        """The key of a row; None when it is not held."""
        raise NotImplementedError

    def index_of(self, key: str) -> int | None:
        """The row of a key; None when it is not held."""
        raise NotImplementedError

    def paint_row(self, index: int, cursor: str) -> Strip:
        """One row; `cursor` is the role to lay over it, empty when it is not selected."""
        raise NotImplementedError

    def paint_header(self, y: int) -> Strip:
        """One line of the header."""
        return self.blank()

    def paint_empty(self, y: int) -> Strip:
        """A line of what is shown when there are no rows."""
        return self.blank()

    # painting

    @property
    def page(self) -> int:
        """How many rows are visible."""
        return max(1, self.size.height - self.header_rows)

    def render_line(self, y: int) -> Strip:
        """One line of the widget, for Textual."""
        if y < self.header_rows:
            return self.paint_header(y)
        index = self.top + y - self.header_rows
        if not self.row_count():
            return self.paint_empty(y - self.header_rows)
        if index >= self.row_count():
            return self.blank()
        return self.paint_row(index, self.cursor_role() if index == self.cursor else "")

    def cursor_role(self) -> str:
        """How the selected row is shown: strongly where the keys go."""
        return "cursor" if self.has_focus else "cursor_idle"

    def repaint_row(self, index: int) -> None:
        """Paint one row again, if it is visible."""
        if self.top <= index < self.top + self.page:
            self.repaint_line(index - self.top + self.header_rows)

    # moving

    def move(self, how: str) -> None:
        """Move by the name of an action: down, up, page_down, page_up, first, last."""
        last = self.row_count() - 1
        step = max(1, self.page - 1)
        target = {
            "down": self.cursor + 1,
            "up": self.cursor - 1,
            "page_down": self.cursor + step,
            "page_up": self.cursor - step,
            "first": 0,
            "last": last,
        }[how]
        if how in ("page_down", "page_up"):
            self.top = self._clamped_top(self.top + target - self.cursor)
            self.refresh()
        self.go_to(target)

    def go_to(self, index: int) -> None:
        """Put the cursor on a row, and bring it into sight."""
        index = max(0, min(self.row_count() - 1, index))
        old, self.cursor = self.cursor, index
        self.cursor_key = self.row_key(index)
        if not self._show_cursor():
            self.repaint_row(old)
            self.repaint_row(index)
        self._after_move()
        if old != index:
            self.post_message(self.Moved(self))

    def go_to_key(self, key: str) -> bool:
        """Put the cursor on the row of a key; False when it is not held."""
        index = self.index_of(key)
        if index is not None:
            self.go_to(index)
        return index is not None

    def _show_cursor(self) -> bool:
        top = self.top
        if self.cursor < top:
            top = self.cursor
        elif self.cursor >= top + self.page:
            top = self.cursor - self.page + 1
        top = self._clamped_top(top)
        if top == self.top:
            return False
        self.top = top
        self.refresh()
        return True

    def _clamped_top(self, top: int) -> int:
        return max(0, min(top, self.row_count() - self.page))

    def _after_move(self) -> None:
        """Remember what is at the top; a subclass may ask for rows it does not hold."""
        self._top_key = self.row_key(self.top) if self.top else None

    # new rows

    def rows_changed(self) -> None:
        """Find the cursor's and the top row again among the rows as they are now."""
        count = self.row_count()
        old = self.cursor_key
        found = self.index_of(old) if old is not None else None
        self.cursor = max(0, min(self.cursor if found is None else found, count - 1))
        if self._top_key is not None:
            top = self.index_of(self._top_key)
            self.top = self.top if top is None else top
        self.top = self._clamped_top(self.top)
        self._show_cursor()
        self.cursor_key = self.row_key(self.cursor) or (old if count else None)
        self._after_move()
        self.refresh()
        if self.cursor_key != old:
            self.post_message(self.Moved(self))

    def on_resize(self) -> None:
        """Keep the cursor in sight at another size."""
        top = self._clamped_top(self.top)
        if top != self.top:  # it may be painted already, from where the top was
            self.top = top
            self.refresh()
        self._show_cursor()
        self._after_move()

    def on_focus(self, event: events.Focus) -> None:
        """The selected row shows where the keys go."""
        self._set_focused(event, True)

    def on_blur(self, event: events.Blur) -> None:
        """The selected row steps back."""
        self._set_focused(event, False)

    def _set_focused(self, event: events.Event, has_focus: bool) -> None:
        event.prevent_default()  # Textual would paint every row again
        self.has_focus = has_focus
        self.repaint_row(self.cursor)

    # the mouse

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll the rows; the cursor stays in sight."""
        self._wheel(WHEEL_ROWS)
        event.stop()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll the rows; the cursor stays in sight."""
        self._wheel(-WHEEL_ROWS)
        event.stop()

    def _wheel(self, rows: int) -> None:
        top = self._clamped_top(self.top + rows)
        if top != self.top:
            self.top = top
            self.refresh()
            self.go_to(max(top, min(self.cursor, top + self.page - 1)))

    def on_click(self, event: events.Click) -> None:
        """A click selects a row, a second one on it chooses it."""
        index = self.top + event.y - self.header_rows
        if event.y < self.header_rows or index >= self.row_count():
            return
        self.focus()
        self.go_to(index)
        if event.chain >= 2:
            self.post_message(self.Chosen(self))
