"""The lines of the help: some of them lead somewhere, and only on those a cursor stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from textual.strip import Strip

from wingman_tui.documents import Document
from wingman_tui.help_search import Place
from wingman_tui.view import Part
from wingman_tui.widgets.text_lines import TextLines


@dataclass
class HelpLine:
    """One line; a document can be opened from it."""

    parts: Sequence[Part] = ()
    document: Document | None = field(default=None)
    place: Place | None = None  # in it, where something was found
    tab: str = ""  # of the system's mode, opened by enter
    topic: str = ""  # what a search looks at; a heading has none

    @property
    def can_open(self) -> bool:
        """Whether enter leads somewhere."""
        return self.document is not None or bool(self.tab)


def holding(lines: Sequence[HelpLine], words: Sequence[str]) -> list[HelpLine]:
    """The lines whose topic holds every word, each under its heading."""
    found: list[HelpLine] = []
    heading: HelpLine | None = None
    for line in lines:
        if not line.topic:
            heading = line if line.parts else heading
        elif all(word in line.topic for word in words):
            if heading is not None:
                found += [HelpLine(), heading] if found else [heading]
                heading = None
            found.append(line)
    return found


class HelpPane(TextLines[HelpLine]):
    """Lines of text; the cursor shows only where something can be opened."""

    def __init__(self) -> None:
        super().__init__(id="help")

    def show(self, lines: list[HelpLine]) -> None:
        """Show another text from its beginning."""
        self.lines = lines
        first = next((i for i, line in enumerate(lines) if line.can_open), 0)
        self.cursor = first if first < self.page else 0
        self.top = 0
        self.refresh()

    def show_from(self, lines: list[HelpLine], place: int, head: int) -> None:
        """Show a text where a line of it is in sight, with those from `head` on if they fit."""
        self.lines = lines
        near = max(0, place - 2)
        self.top = self._clamped_top(head if place - head < self.page - 1 else near)
        self.cursor = place
        self.refresh()

    def return_to(self, cursor: int, top: int) -> None:
        """Go back to where one was in these lines."""
        if cursor < len(self.lines):
            self.cursor, self.top = cursor, self._clamped_top(top)
            self.refresh()

    @property
    def has_choices(self) -> bool:
        """Whether something can be opened."""
        return any(line.can_open for line in self.lines)

    def move(self, how: str) -> None:
        """To the next choice in sight; where there is none, by lines: there is no cursor to see."""
        step = {"down": 1, "up": -1}.get(how, 0)
        place = self.cursor + step
        seen = range(self.top, min(self.top + self.page, len(self.lines)))
        while step and place in seen:
            if self.lines[place].can_open:
                self.go_to(place)
                return
            place += step
        if step or not self.has_choices:
            self.cursor = self.top + (self.page - 1 if how in ("down", "page_down") else 0)
        super().move(how)

    def paint_row(self, index: int, cursor: str) -> Strip:
        """One line."""
        line = self.lines[index]
        return self.line([(" ", "text"), *line.parts], cursor if line.can_open else "")
