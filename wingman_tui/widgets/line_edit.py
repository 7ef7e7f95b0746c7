"""A line of text that is typed: filter, form fields, palette. Nothing in it blinks."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size
from textual import events
from textual.message import Message
from textual.strip import Strip

from wingman_tui.sanitise import clean
from wingman_tui.view import Part
from wingman_tui.widgets.painted import Painted

TEXT_LIMIT = 20_000
HIDDEN = "•"


class LineEdit(Painted, can_focus=True):
    """One line, edited with the usual keys; sensitive text is never painted."""

    class Changed(Message):
        """The text is another one."""

        def __init__(self, edit: LineEdit) -> None:
            super().__init__()
            self.edit = edit

    def __init__(
        self, text: str = "", *, label: str = "", hidden: bool = False, id: str | None = None
    ) -> None:
        super().__init__(id=id)
        self.label = label
        self.hidden = hidden
        self.hint = ""
        self.is_selected = False  # what is typed takes the text's place, what edits keeps it
        self.text = text
        self.cursor = len(text)

    def set_text(self, text: str) -> None:
        """Replace what is typed."""
        self.text = text[:TEXT_LIMIT]
        self.cursor = len(self.text)
        self.is_selected = False
        self.refresh()

    def on_key(self, event: events.Key) -> None:
        """Edit; keys that are no editing go on to the screen."""
        handled = self._edit(event.key)
        if not handled and event.is_printable and event.character:
            self._insert(event.character)
            handled = True
        if handled:
            event.stop()
            event.prevent_default()

    def on_paste(self, event: events.Paste) -> None:
        """Take pasted text in, its line breaks as spaces."""
        self._insert(" ".join(event.text.split("\n")))
        event.stop()

    def _edit(self, key: str) -> bool:
        text, at = self.text, self.cursor
        word = len(text[:at].rstrip().rpartition(" ")[0])
        word += 1 if word else 0
        change: dict[str, tuple[str, int]] = {
            "backspace": (text[: max(0, at - 1)] + text[at:], max(0, at - 1)),
            "delete": (text[:at] + text[at + 1 :], at),
            "ctrl+u": (text[at:], 0),
            "ctrl+k": (text[:at], at),
            "ctrl+w": (text[:word] + text[at:], word),
            "left": (text, max(0, at - 1)),
            "right": (text, min(len(text), at + 1)),
            "home": (text, 0),
            "end": (text, len(text)),
            "ctrl+e": (text, len(text)),
        }
        if key not in change:
            return False
        self.text, self.cursor = change[key]
        self.is_selected = False
        self._edited(text)
        return True

    def _insert(self, typed: str) -> None:
        old = self.text
        if self.is_selected and not typed.startswith(" "):
            self.text, self.cursor = "", 0
        self.is_selected = False
        before, room = self.text, TEXT_LIMIT - len(self.text)
        typed = "".join(char for char in typed if char.isprintable())[:room]
        self.text = before[: self.cursor] + typed + before[self.cursor :]
        self.cursor += len(typed)
        self._edited(old)

    def _edited(self, old: str) -> None:
        self.refresh()
        if self.text != old:
            self.post_message(self.Changed(self))

    def render_line(self, y: int) -> Strip:
        """Label, text with the cursor in sight, and a hint at the right."""
        width = self.size.width
        before: list[Part] = [(self.label, "key")] if self.label else []
        room = max(6, width - cell_len(self.label) - (cell_len(self.hint) + 2 if self.hint else 0))
        left, under, right = self._around_cursor(room)
        body: list[Part] = [(left, "chip_on" if self.is_selected else "input")]
        body.append((under, "input_cursor" if self.has_focus else "input"))
        body.append((right, "input"))
        used = sum(cell_len(text) for text, _ in body)
        body.append((" " * max(0, room - used), "input"))
        after: list[Part] = [(f"  {self.hint}", "muted")] if self.hint else []
        return self.line([*before, *body, *after])

    def _around_cursor(self, room: int) -> tuple[str, str, str]:
        """The text before, under and after the cursor, so cut that the cursor is in sight."""
        if self.hidden:
            shown = self.view.glyph(HIDDEN, "*") * len(self.text)
            left, under, right = (
                shown[: self.cursor],
                shown[self.cursor :][:1],
                shown[self.cursor + 1 :],
            )
        else:
            left = clean(self.text[: self.cursor], TEXT_LIMIT)
            under = clean(self.text[self.cursor :][:1])
            right = clean(self.text[self.cursor + 1 :], TEXT_LIMIT)
        under = under or " "
        keep = room - cell_len(under)
        while cell_len(left) > keep:
            left = left[1 + (cell_len(left) - keep) // 3 :]
        return left, under, set_cell_size(right, min(cell_len(right), keep - cell_len(left)))

    def on_focus(self) -> None:
        """Show the cursor."""
        self.refresh()

    def on_blur(self) -> None:
        """Hide the cursor."""
        self.refresh()
