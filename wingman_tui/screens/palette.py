"""The palette: every action that is possible here, found by a few letters of its name."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.strip import Strip

from wingman_tui.format import fit
from wingman_tui.keymap import SCOPE_TITLES, Action
from wingman_tui.keys import key_name
from wingman_tui.screens.base import ModeScreen
from wingman_tui.screens.dialog import READING_LIMIT, Dialog, PaintedLine
from wingman_tui.view import Part
from wingman_tui.widgets.line_edit import LineEdit
from wingman_tui.widgets.line_list import LineList
from wingman_tui.widgets.painted import Painted

ROWS_LIMIT = 14
LABEL_CELLS = 16
KEY_CELLS = 8


class PaletteDialog(Dialog[Action]):
    """Type, choose, enter."""

    width_limit = READING_LIMIT

    def __init__(self, screen: ModeScreen) -> None:
        super().__init__()
        self.actions = [a for a in screen.console_app.keymap.within(screen.scopes()) if a.keys]
        self.elsewhere = [a for a in screen.console_app.keymap.actions if a.keys]
        self._owner = screen

    def compose(self) -> ComposeResult:
        """A line to type in, and what fits."""
        self.edit = LineEdit(label=" ")
        self.found = ActionList(self.actions)
        with Vertical(classes="box", id="palette"):
            yield PaintedLine(("Find an action", "strong"))
            yield self.edit
            yield self.found
            yield CommandLine(self)

    def command(self) -> str:
        """The command line of the selected action."""
        actions = self.found.actions
        return self._owner.command_of(actions[self.found.cursor]) if actions else ""

    def on_mount(self) -> None:
        """The keys go to the line."""
        self.edit.focus()

    def rows_needed(self) -> int:
        """As many actions as are seen at once, always the same."""
        return ROWS_LIMIT + 3

    def on_line_edit_changed(self, event: LineEdit.Changed) -> None:
        """Show what fits now."""
        text = event.edit.text
        self.found.show(matching(self.actions, text), matching(self.elsewhere, text))
        self.query_one(CommandLine).refresh()

    def on_line_list_chosen(self, event: LineList.Chosen) -> None:
        """A click on an action."""
        self._finish()

    def on_key(self, event: events.Key) -> None:
        """Move in the list, take what is selected, or leave."""
        event.stop()
        moves = {"down": "down", "up": "up", "pagedown": "page_down", "pageup": "page_up"}
        if event.key in moves:
            self.found.move(moves[event.key])
            self.query_one(CommandLine).refresh()
        elif event.key == "ctrl+y":
            command = self.command()
            if command:
                self._owner.console_app.copy(command, command)
                self.dismiss(None)
        elif event.key == "enter":
            self._finish()
        elif event.key in ("escape", "ctrl+c"):
            self.dismiss(None)

    def _finish(self) -> None:
        actions = self.found.actions
        self.dismiss(actions[self.found.cursor] if actions else None)


class CommandLine(Painted):
    """What a script would say instead of the selected action, and the key that copies it."""

    def __init__(self, owner: PaletteDialog) -> None:
        super().__init__(classes="line")
        self._owner = owner

    def render_line(self, y: int) -> Strip:
        """The command, where the action has one."""
        if not self._owner.found.row_count():
            return self.line([(" esc ", "key"), ("leaves", "muted")])
        enter: list[Part] = [(" enter ", "key"), ("does it  ", "muted")]
        command = self._owner.command()
        if not command:
            return self.line(enter)
        copied: list[Part] = [(" ctrl+y ", "key"), ("copies ", "muted"), (command, "code")]
        both = [*enter, *copied]
        fits = sum(cell_len(text) for text, _ in both) <= self.size.width
        return self.line(both if fits else copied)


def matching(actions: Sequence[Action], text: str) -> list[Action]:
    """The actions that hold every word typed, those whose name begins so first."""
    words = text.lower().split()
    found = [
        a for a in actions if all(word in f"{a.label} {a.help} {a.id}".lower() for word in words)
    ]
    return sorted(found, key=lambda a: not a.label.lower().startswith(text.strip().lower()))


class ActionList(LineList):
    """Key, name and meaning of each action."""

    def __init__(self, actions: list[Action]) -> None:
        super().__init__()
        self.actions = actions
        self.elsewhere: list[Action] = []

    def show(self, actions: list[Action], elsewhere: list[Action]) -> None:
        """Show other actions; where there are none, those that are `elsewhere`."""
        self.actions, self.elsewhere = actions, elsewhere
        self.cursor = self.top = 0
        self.refresh()

    def row_count(self) -> int:
        """How many fit what is typed."""
        return len(self.actions)

    def row_key(self, index: int) -> str | None:
        """An action's id."""
        return self.actions[index].id if 0 <= index < len(self.actions) else None

    def index_of(self, key: str) -> int | None:
        """The row of an id."""
        return next((i for i, action in enumerate(self.actions) if action.id == key), None)

    def cursor_role(self) -> str:
        """What enter takes is shown strongly, though the keys go to the line above."""
        return "cursor"

    def paint_row(self, index: int, cursor: str) -> Strip:
        """One action."""
        action = self.actions[index]
        key = key_name(action.keys[0], self.view.ascii_only)
        parts = [
            (fit(key, KEY_CELLS), "key"),
            (fit(action.label, LABEL_CELLS), "strong"),
            (fit(action.help, self.size.width - KEY_CELLS - LABEL_CELLS - 2), "muted"),
        ]
        return self.line([(" ", "text"), *parts], cursor)

    def paint_empty(self, y: int) -> Strip:
        """Nothing fits here; where what fits is, if it is anywhere."""
        if y == 0:
            return self.line([("  no action fits here", "muted")])
        if y > len(self.elsewhere):
            return self.blank()
        action = self.elsewhere[y - 1]
        key = key_name(action.keys[0], self.view.ascii_only)
        return self.line([
            (f"  in {SCOPE_TITLES.get(action.scope, action.scope)}: ", "muted"),
            (f"{key} ", "key"), (action.label, "text"),
        ])  # fmt: skip
