"""Help: the documents, the keys of where one came from, and what the signs mean."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len
from textual import events
from textual.app import ComposeResult
from textual.strip import Strip

from wingman_tui import looks
from wingman_tui.documents import ADDRESS, Document, documents, read, source
from wingman_tui.format import fit, wrap
from wingman_tui.keymap import SCOPE_TITLES, Action
from wingman_tui.keys import key_name
from wingman_tui.sanitise import clean
from wingman_tui.screens.base import ModeScreen
from wingman_tui.view import Part
from wingman_tui.widgets.line_list import LineList

STATE_CELLS = 16
SYSTEM = {
    "doctor": "What doctor finds where the engine runs",
    "log": "The engine's own log",
    "engine": "Its version, its folders, its processes",
}
# the scopes that the help of a mode explains, the mode's own first
SCOPES = {
    "executions": ("executions", "list", "global"),
    "execution": ("execution", "tree", "log", "list", "global"),
    "details": ("details", "list", "global"),
    "machine": ("machine", "list", "global"),
    "system": ("system", "list", "global"),
    "flows": ("flows", "list", "global"),
}


@dataclass
class HelpLine:
    """One line; a document can be opened from it."""

    parts: Sequence[Part] = ()
    document: Document | None = field(default=None)
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


class HelpPane(LineList):
    """Lines of text; the cursor shows only where something can be opened."""

    def __init__(self) -> None:
        super().__init__(id="help")
        self.lines: list[HelpLine] = []

    def show(self, lines: list[HelpLine]) -> None:
        """Show another text from its beginning."""
        self.lines = lines
        first = next((i for i, line in enumerate(lines) if line.can_open), 0)
        self.cursor = first if first < self.page else 0
        self.top = 0
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

    def row_count(self) -> int:
        """How long the text is."""
        return len(self.lines)

    def row_key(self, index: int) -> str | None:
        """Lines have no key but their number."""
        return str(index)

    def index_of(self, key: str) -> int | None:
        """The line of a number."""
        return int(key)

    def paint_row(self, index: int, cursor: str) -> Strip:
        """One line."""
        line = self.lines[index]
        return self.line([(" ", "text"), *line.parts], cursor if line.can_open else "")


class HelpScreen(ModeScreen):
    """The mode that explains."""

    SCOPE = "help"

    def panes(self) -> ComposeResult:
        """One text."""
        self.pane = HelpPane()
        self.document: Document | None = None
        self.sought = ""
        yield self.pane

    def on_mount(self) -> None:
        """The text takes the keys."""
        self.pane.focus()

    def on_screen_resume(self) -> None:
        """Explain where we come from."""
        self._show_index()

    def on_resize(self, event: events.Resize) -> None:
        """Set a document anew for another width."""
        if self.document is not None:
            self._show_document(self.document)
        elif self.is_current:
            self._show_index()

    def hints(self) -> Sequence[Action]:
        """The keys here; not the one that led here, but the one that leads back."""
        hints = super().hints()
        return [*hints[:-1], self.console_app.keymap["global.back"]]

    def title_words(self) -> tuple[str, ...]:
        """Help, what is sought in it, and the open document."""
        if self.document is None and self.sought:
            return ("Help", f"/{clean(self.sought)}")
        return ("Help", self.document.title) if self.document is not None else ("Help",)

    def _show_index(self) -> None:
        self.document = None
        first, *rest = SCOPES.get(self.console_app.came_from, SCOPES["executions"])
        lines = [*self._keys(first), *self._documents()]
        for scope in rest:
            lines += self._keys(scope)
        lines += self._signs()
        if self.sought:
            lines = holding(lines, self.sought.lower().split())
            lines = lines or [HelpLine([("nothing here holds that; esc shows all", "muted")])]
        self.pane.show(lines)
        self.refresh_frame()

    def _show_document(self, document: Document) -> None:
        self.document = document
        width = max(20, self.app.size.width - 2)
        self.pane.show([HelpLine(parts) for parts in read(document, width)])
        self.refresh_frame()

    def _documents(self) -> list[HelpLine]:
        lines = [HelpLine([("This engine", "focus")])]
        for tab, words in SYSTEM.items():
            lines.append(HelpLine([("  " + words, "text")], tab=tab, topic=words.lower()))
        lines += [HelpLine(), HelpLine([("Documents", "focus")])]
        lines += [
            HelpLine([("  " + doc.title, "text")], doc, topic=self._topic_of(doc))
            for doc in documents()
        ]
        lines.append(HelpLine([("  " + ADDRESS, "link")], topic=ADDRESS))
        return [*lines, HelpLine()]

    def _topic_of(self, document: Document) -> str:
        """A document's title; while something is sought, all of its text.

        As it is written: to set every document anew for every key would hold the keys up.
        """
        if self.sought:
            with contextlib.suppress(OSError):
                return source(document).lower()
        return document.title

    def _keys(self, scope: str) -> list[HelpLine]:
        """The keys of one scope, by name and meaning."""
        keymap, ascii_only = self.console_app.keymap, self.console_app.view.ascii_only
        lines = [HelpLine([(f"Keys: {SCOPE_TITLES[scope]}", "focus")])]
        actions = keymap.within([scope])
        keys = ["  ".join(key_name(key, ascii_only) for key in a.keys) for a in actions]
        widest = (
            max(map(cell_len, keys), default=0),
            max((len(a.label) for a in actions), default=0),
        )
        for action, words in zip(actions, keys, strict=True):
            head = [
                ("  " + fit(words, widest[0] + 2), "key"),
                (fit(action.label, widest[1] + 2), "strong"),
            ]
            lines += self._explained(head, action.help)
        return [*lines, HelpLine()]

    def _explained(self, head: list[Part], text: str) -> list[HelpLine]:
        """A meaning beside what it explains, in as many lines as it takes."""
        indent = sum(cell_len(words) for words, _ in head)
        first, *rest = wrap(text, max(20, self.app.size.width - indent - 3))
        topic = f"{''.join(words for words, _ in head)} {text}".lower()
        return [
            HelpLine([*head, (first, "text")], topic=topic),
            *(HelpLine([(" " * indent, "text"), (line, "text")], topic=topic) for line in rest),
        ]

    def _signs(self) -> list[HelpLine]:
        ascii_only = self.console_app.view.ascii_only
        lines = [HelpLine([("States and their signs", "focus")])]
        for state, meaning in looks.MEANINGS.items():
            look = looks.look_of(state)
            sign = "  " + fit(f"{look.sign(ascii_only)} {look.word}", STATE_CELLS)
            lines += self._explained([(sign, look.role)], meaning)
        return lines

    def do_open(self) -> None:
        """Open the document under the cursor, or the system's part."""
        line = self.pane.lines[self.pane.cursor] if self.pane.lines else None
        if line is not None and line.document is not None:
            self._show_document(line.document)
        elif line is not None and line.tab:
            self.console_app.system_tab = line.tab
            self.console_app.go("system")

    def do_search(self) -> None:
        """Show only what holds some words, as they are typed."""
        self.document = None
        self.ask_line(" search the help ", self.sought, self._seek, live=self._seek)

    def _seek(self, words: str) -> None:
        self.sought = words
        self._show_index()

    def on_line_list_chosen(self, event: LineList.Chosen) -> None:
        """A document clicked twice."""
        self.do_open()

    def do_back(self) -> None:
        """Out of a document, then out of the help."""
        if self.document is not None:
            self._show_index()
        elif self.sought:
            self._seek("")
        else:
            self.console_app.back()
