"""What every dialog has: a framed box in the middle, over the mode's screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

from textual import events
from textual.await_complete import AwaitComplete
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.widget import Widget

from wingman_tui.global_actions import do_leave
from wingman_tui.terminal import MIN_COLUMNS, MIN_ROWS
from wingman_tui.view import Part, fitted
from wingman_tui.widgets.painted import Painted

if TYPE_CHECKING:
    from wingman_tui.app import WingmanApp

Result = TypeVar("Result")
WIDTH_LIMIT = 76
BORDER_ROWS = 2
OPENING_KEY_S = 0.3  # a key that is still held down from opening the dialog must not answer it


def dialog_room(columns: int) -> int:
    """How many cells a line in a dialog has, on a screen so wide."""
    return min(WIDTH_LIMIT, columns - 4) - 4


class Dialog(ModalScreen[Result], inherit_bindings=False):
    """A question over the mode's screen; escape answers nothing."""

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

    def fit_box(self, rows: int) -> None:
        """Give the box the room that so many lines need, or what there is."""
        box: Widget = self.query_one(".box")
        size = self.app.size
        self._show_box(box, size.width >= MIN_COLUMNS and size.height >= MIN_ROWS)
        box.styles.width = min(WIDTH_LIMIT, size.width - 4)
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
        """The line."""
        return self.line([(" ", "text"), *fitted(self._parts, self.size.width - 2)])
