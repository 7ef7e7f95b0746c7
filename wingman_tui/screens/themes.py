"""The themes, each shown on the whole screen as the cursor comes to it; enter keeps it."""

from __future__ import annotations

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.strip import Strip

from wingman_tui.format import fit
from wingman_tui.screens.dialog import Dialog, PaintedLine
from wingman_tui.view import Part
from wingman_tui.widgets.line_list import LineList

NAME_CELLS = 20
ROWS_LIMIT = 12
# a word in each colour that matters, so that a theme is seen before it is chosen
SAMPLE = (
    ("state_running", "running"), ("state_completed", "completed"), ("state_failed", "failed"),
    ("state_waiting", "waiting"), ("level_warning", "warning"), ("muted", "muted"),
)  # fmt: skip


class ThemeDialog(Dialog[str]):
    """Move to see, enter to keep, escape for the one before."""

    def __init__(self, names: list[str], here: str) -> None:
        super().__init__()
        self._names, self._before = names, here

    def compose(self) -> ComposeResult:
        """The names, and how to choose."""
        self.names = ThemeList(self._names, self._before)
        with Vertical(classes="box"):
            yield PaintedLine(("Themes", "strong"), ("  (your own: themes/ beside ", "muted"),
                              ("config.toml", "code"), (")", "muted"))  # fmt: skip
            yield self.names
            yield PaintedLine(
                (" enter ", "chip_on"), (" keep it      ", "text"),
                (" esc ", "chip_on"), (" the one before", "text"),
            )  # fmt: skip

    def on_mount(self) -> None:
        """The list takes the keys, at the present theme."""
        self.names.focus()
        self.names.go_to_key(self._before)

    def rows_needed(self) -> int:
        """The names and two lines around them."""
        return min(ROWS_LIMIT, len(self._names)) + 2

    def on_line_list_moved(self, event: LineList.Moved) -> None:
        """Show it."""
        self._show(self.names.chosen)

    def _show(self, name: str) -> None:
        app = self.console_app
        app.change_theme(name)
        if app.view.palette.name != name:  # it has a fault, which the message line tells
            return
        for widget in self.walk_children(with_self=True):
            widget.refresh()

    def on_line_list_chosen(self, event: LineList.Chosen) -> None:
        """A click on a name."""
        self.dismiss(self.names.chosen)

    def on_key(self, event: events.Key) -> None:
        """Move, keep or leave."""
        event.stop()
        action = self.console_app.keymap.find(("list",), event.key)
        if action is not None:
            self.names.move(action.name)
        elif event.key == "enter":
            self.dismiss(self.names.chosen)
        elif event.key in ("escape", "q", "ctrl+c"):
            self._show(self._before)
            self.dismiss(None)


class ThemeList(LineList):
    """A name a row, with its colours."""

    def __init__(self, names: list[str], here: str) -> None:
        super().__init__()
        self._names, self._here = names, here

    @property
    def chosen(self) -> str:
        """The name under the cursor."""
        return self._names[self.cursor]

    def row_count(self) -> int:
        """How many there are."""
        return len(self._names)

    def row_key(self, index: int) -> str | None:
        """A name."""
        return self._names[index] if 0 <= index < len(self._names) else None

    def index_of(self, key: str) -> int | None:
        """The row of a name."""
        return self._names.index(key) if key in self._names else None

    def paint_row(self, index: int, cursor: str) -> Strip:
        """The name; the colours of the selected one, which is the one that is seen."""
        name = self._names[index]
        words = f" {name}" + (" (now)" if name == self._here else "")
        sample = self._sample() if index == self.cursor else []
        head = self.line([(fit(words, NAME_CELLS), "strong")], cursor).crop(0, NAME_CELLS)
        return Strip([*head, *self.line([("  ", "text"), *sample])]).crop(0, self.size.width)

    def _sample(self) -> list[Part]:
        """The words in their colours, as many as fit."""
        room, sample = self.size.width - NAME_CELLS - 2, list[Part]()
        for role, word in SAMPLE:
            room -= len(word)
            if room >= 0:
                sample.append((f"{word}  ", role))
            room -= 2
        return sample
