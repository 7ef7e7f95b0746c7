"""What a form is made of: fields with fixed values, the notes below fields, what is told of one.

Used by the dialogs of `screens/form.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.cells import cell_len
from textual import events
from textual.strip import Strip

from wingman_tui.format import fit
from wingman_tui.sanitise import clean
from wingman_tui.view import Part, fitted
from wingman_tui.widgets.line_edit import LineEdit
from wingman_tui.widgets.painted import Painted

ALL_OF_IT = "F1"  # reads what does not fit


class ChoiceEdit(LineEdit):
    """A field with a fixed set of values: space and the arrows step through them."""

    def __init__(self, choices: Sequence[str], text: str, *, label: str) -> None:
        super().__init__(text, label=label)
        self.choices = list(choices)
        self.cursor = 0

    def _edit(self, key: str) -> bool:
        step = {"space": 1, "right": 1, "left": -1}.get(key)
        if step is not None:
            here = self.choices.index(self.text) if self.text in self.choices else -step
            self._choose(self.choices[(here + step) % len(self.choices)])
        return step is not None

    def _insert(self, typed: str) -> None:
        """Take the value that begins with the letter."""
        for choice in self.choices:
            if choice.startswith(typed):
                self._choose(choice)
                return

    def _choose(self, choice: str) -> None:
        self.text, self.cursor = choice, 0
        self.refresh()
        self.post_message(self.Changed(self))


class FieldNote(Painted):
    """The line under a field: what may be typed, or what is wrong with it."""

    def __init__(self, indent: int, words: str) -> None:
        super().__init__(classes="note")
        self.indent = indent
        self.words = words
        self.problem = ""

    def show(self, problem: str) -> None:
        """Say what is wrong, or nothing."""
        if problem != self.problem:
            self.problem = problem
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """The words."""
        text, role = (self.problem, "error") if self.problem else (self.words, "muted")
        sign = self.view.glyph("✗ ", "x ") if self.problem else ""
        room = self.size.width - self.indent - 1
        return self.line([(" " * self.indent, "text"), (fit(sign + clean(text), room), role)])


class PlaceLine(Painted):
    """Where one is in a form, or why it was refused."""

    def __init__(self, words: Callable[[], Sequence[Part]]) -> None:
        super().__init__(classes="line")
        self._words = words

    def render_line(self, y: int) -> Strip:
        """The words."""
        return self.line([(" ", "text"), *fitted(self._words(), self.size.width - 2)])


class AboutField(Painted):
    """All of what is told about the field that one is in, under a rule with its name."""

    def __init__(self, lines: Callable[[int], tuple[str, list[list[Part]]]]) -> None:
        """`lines`: a name, and what is told in lines of so many cells."""
        super().__init__(id="about")
        self._ask = lines
        self._title = ""
        self._lines: list[list[Part]] = []

    def show(self) -> None:
        """Tell of another field, or in another room."""
        rows, room = self.size.height - 1, max(10, self.size.width - 2)
        self._title, lines = self._ask(room)
        if len(lines) > rows > 0:
            more: list[Part] = [(ALL_OF_IT, "key"), (" reads all", "muted")]
            text, role = lines[rows - 1][-1]
            left = max(1, room - sum(cell_len(words) for words, _ in more) - 1)
            lines[rows - 1] = [(fit(text + "…", left) + " ", role), *more]
        self._lines = lines[: max(0, rows)]
        self.refresh()

    def on_resize(self, event: events.Resize) -> None:
        """As many lines as there are now."""
        self.show()

    def render_line(self, y: int) -> Strip:
        """The rule, or one of the lines."""
        if y:
            parts = self._lines[y - 1] if y <= len(self._lines) else ()
            return self.line([(" ", "text"), *parts])
        room = max(0, self.size.width - 4)
        name = f" {fit(self._title, min(room, cell_len(self._title)))} "
        dash = self.view.glyph("─", "-")
        rule = dash * max(0, room - cell_len(name))
        return self.line([(f" {dash * 2}", "muted"), (name, "muted"), (rule, "muted")])
