"""What every dialog has: a framed box in the middle, over the mode's screen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar, cast

from rich.cells import cell_len
from rich.style import Style
from textual import events
from textual.await_complete import AwaitComplete
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.widget import Widget

from wingman_tui.global_actions import do_leave
from wingman_tui.keys import key_written
from wingman_tui.terminal import MIN_COLUMNS, MIN_ROWS
from wingman_tui.view import Part, fitted
from wingman_tui.widgets.painted import Painted

if TYPE_CHECKING:
    from wingman_tui.app import WingmanApp

Result = TypeVar("Result")
WIDTH_LIMIT = 76
READING_LIMIT = 104  # of what is long to read, or has columns
AROUND_CELLS = 4  # the border, and a cell beside the words on each side
BORDER_ROWS = 2
OPENING_KEY_S = 0.3  # a key that is still held down from opening the dialog must not answer it


class Dialog(ModalScreen[Result], inherit_bindings=False):
    """A question over the mode's screen; escape answers nothing."""

    width_limit = WIDTH_LIMIT

    def __init__(self) -> None:
        super().__init__(classes="dialog")
        self._is_answered = False
        self._focus_before: Widget | None = None
        self._is_covered = False

    def dismiss(self, result: Result | None = None) -> AwaitComplete:
        """Answer once: keys may come faster than a dialog goes away."""
        if self._is_answered:
            return AwaitComplete()
        self._is_answered = True
        return super().dismiss(result)

    @property
    def console_app(self) -> WingmanApp:
        """The app, as what it is."""
        return cast("WingmanApp", self.app)

    @property
    def room(self) -> int:
        """The cells that a line in the widest box has."""
        return min(self.width_limit, self.app.size.width - 4) - AROUND_CELLS

    def room_needed(self) -> int:
        """The cells that it takes of them; what is in columns takes all."""
        return self.room

    def fit_box(self, rows: int) -> None:
        """Give the box the room that so many lines need, or what there is."""
        box: Widget = self.query_one(".box")
        size = self.app.size
        self._show_box(box, size.width >= MIN_COLUMNS and size.height >= MIN_ROWS)
        box.styles.width = min(self.room, self.room_needed()) + AROUND_CELLS
        box.styles.height = min(rows + BORDER_ROWS, size.height - 2)
        box.set_class(self.console_app.view.ascii_only, "-ascii")

    def _show_box(self, box: Widget, fits: bool) -> None:
        """Below the least size the mode's one sentence is seen instead, and nothing is typed."""
        if box.display == fits:
            return
        box.display = fits
        self._is_covered = not fits
        if fits:
            self.set_focus(self._focus_before)
        else:
            self._focus_before = self.focused
            self.set_focus(None)

    async def on_event(self, event: events.Event) -> None:
        """A question that cannot be seen is not answered; the sentence names the only key."""
        if isinstance(event, events.Key) and self._is_covered:
            if event.key == "q":
                do_leave(self.console_app)
            return
        await super().on_event(event)

    def on_click(self, event: events.Click) -> None:
        """Press the key that was clicked, or whose words were."""
        widget, region = self.get_widget_at(event.screen_x, event.screen_y)
        if isinstance(widget, Painted) and not widget.can_focus:
            line = widget.render_line(event.screen_y - region.y)
            key = _key_at(line, event.screen_x - region.x, self.console_app.view.style("chip_on"))
            if key:
                event.stop()
                self.post_message(events.Key(key, None))

    def rows_needed(self) -> int:
        """How many lines the box holds."""
        raise NotImplementedError

    def on_mount(self) -> None:
        """Take the room."""
        self.fit_box(self.rows_needed())

    def on_resize(self, event: events.Resize) -> None:
        """The same in another room."""
        self.fit_box(self.rows_needed())


class PaintedLine(Painted):
    """One line of a dialog that does not change."""

    def __init__(self, *parts: Part) -> None:
        super().__init__(classes="line")
        self._parts = parts

    def render_line(self, y: int) -> Strip:
        """The line; of keys as many as fit whole."""
        parts = whole_keys(self._parts, self.size.width - 2)
        return self.line([(" ", "text"), *fitted(parts, self.size.width - 2)])


def _key_at(line: Strip, x: int, shown_as: Style) -> str:
    """The key that stands at a place of a line, or before it; empty where none does."""
    at, key = 0, ""
    for text, style, _ in line:
        if style == shown_as:
            key = text.strip()
        at += cell_len(text)
        if x < at:
            return "" if " " in key else key_written(key)
    return ""


class PaintedLines(Painted):
    """Lines of a dialog that are made anew for the room that there is."""

    def __init__(self, lines: Callable[[], Sequence[Sequence[Part]]]) -> None:
        super().__init__(classes="line")
        self._made = lines

    def take_height(self) -> int:
        """Be as high as there are lines now; how many that is."""
        self.styles.height = rows = len(self._made())
        return rows

    def render_line(self, y: int) -> Strip:
        """One of them."""
        lines = self._made()
        return self.line([(" ", "text"), *lines[y]]) if y < len(lines) else self.blank()


def whole_keys(parts: Sequence[Part], width: int) -> list[Part]:
    """The keys and what they do; nearer together where they do not fit, then without some.

    The first stays, and escape.
    """
    kept = _closed(parts)
    if _cells(kept) > width:
        kept = _closed([(_nearer(text), role) for text, role in parts])
    while _cells(kept) > width:
        keys = [at for at, (_, role) in enumerate(kept) if role == "chip_on"]
        able = [at for at in keys[1:] if kept[at][0].strip() != "esc"]
        if not able:
            break
        after = next((at for at in keys if at > able[-1]), len(kept))
        kept = _closed([*kept[: able[-1]], *kept[after:]])
    return kept


def _nearer(text: str) -> str:
    return text.rstrip() + "  " if text.endswith("  ") else text


def _closed(parts: Sequence[Part]) -> list[Part]:
    """Without the blanks at the end."""
    last, role = parts[-1] if parts else ("", "text")
    return [*parts[:-1], (last if role == "chip_on" else last.rstrip(), role)]


def _cells(parts: Sequence[Part]) -> int:
    return sum(cell_len(text) for text, _ in parts)
