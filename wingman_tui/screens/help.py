"""Help: the documents, the keys of where one came from, and what the signs mean."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from rich.cells import cell_len
from textual import events
from textual.app import ComposeResult

from wingman_tui import help_search, looks
from wingman_tui.documents import ADDRESS, Document, documents, read, source
from wingman_tui.format import fit, wrap
from wingman_tui.help_search import Hit, Place, Section
from wingman_tui.keymap import SCOPE_TITLES, Action
from wingman_tui.keys import key_name
from wingman_tui.log_text import marked, plain
from wingman_tui.sanitise import clean
from wingman_tui.screens.base import ModeScreen
from wingman_tui.view import Part, fitted
from wingman_tui.widgets.help_pane import HelpLine, HelpPane, holding
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


class HelpScreen(ModeScreen):
    """The mode that explains."""

    SCOPE = "help"

    def panes(self) -> ComposeResult:
        """One text."""
        self.pane = HelpPane()
        self.document: Document | None = None
        self.sought = ""
        self._sections: dict[Document, list[Section]] = {}
        self._lines: Sequence[Sequence[Part]] = ()  # of the open document
        self._matches: list[int] = []  # lines of the open document
        self._match: int | None = None  # the one that one is at
        self._left = (0, 0)  # cursor and top of the index, for the way back
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
            self._show_document(self.document, self._place)
        elif self.is_current:
            self._show_index()

    def hints(self) -> Sequence[Action]:
        """The keys here; not the one that led here, but the one that leads back."""
        keymap = self.console_app.keymap
        hints = keymap.hints(self.scopes(), lambda a: a.name != "next_match" or bool(self._matches))
        return [*hints[:-1], keymap["global.back"]]

    def title_words(self) -> tuple[str, ...]:
        """Help, what is sought in it, and the open document."""
        if self.document is None and self.sought:
            return ("Help", f"/{clean(self.sought)}")
        if self.document is None:
            return ("Help",)
        if not self._matches:
            return ("Help", self.document.title)
        here = self._matches.index(self._match) + 1 if self._match in self._matches else 0
        found = f"/{clean(self.sought)} {here} of {len(self._matches)}"
        return ("Help", self.document.title, found)

    def _show_index(self) -> None:
        self.document, self._matches = None, []
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

    _place: Place | None = None

    def _show_document(self, document: Document, place: Place | None = None) -> None:
        """Open a document; after a search where the words are, and with them marked."""
        if self.document is None:
            self._left = (self.pane.cursor, self.pane.top)
        self.document, self._place = document, place
        lines, headings = read(document, max(20, self.app.size.width - 2))
        words = self.sought.lower().split()
        self._matches = [
            at for at, line in enumerate(lines) if help_search.spans_of(plain(line), words)
        ]
        self._lines = lines
        number = place.number if place is not None else -1
        head = headings[number] if 0 <= number < len(headings) else 0
        self._match = next((at for at in self._matches if at >= head), None)
        self._paint_document(head)

    def _paint_document(self, head: int) -> None:
        words = self.sought.lower().split()
        found = set(self._matches)
        shown = [
            HelpLine(
                marked(parts, help_search.spans_of(plain(parts), words),
                       "match_here" if at == self._match else "match")
                if at in found else parts
            )
            for at, parts in enumerate(self._lines)
        ]  # fmt: skip
        if self._match is None:
            self.pane.show(shown)
        else:
            self.pane.show_from(shown, self._match, head)
        self.refresh_frame()

    def _documents(self) -> list[HelpLine]:
        lines = [HelpLine([("This engine", "focus")])]
        for tab, words in SYSTEM.items():
            lines.append(HelpLine([("  " + words, "text")], tab=tab, topic=words.lower()))
        lines += [HelpLine(), HelpLine([("Documents", "focus")])]
        if self.sought:
            lines += self._found()
        else:
            lines += [
                HelpLine([("  " + doc.title, "text")], doc, topic=doc.title) for doc in documents()
            ]
        lines.append(HelpLine([("  " + ADDRESS, "link")], topic=ADDRESS))
        return [*lines, HelpLine()]

    def _found(self) -> list[HelpLine]:
        """Where the words stand in the documents: in titles first, then headings, then texts."""
        words, hits = self.sought.lower().split(), list[tuple[Document, Hit]]()
        for document in documents():
            if document not in self._sections:
                with contextlib.suppress(OSError):
                    self._sections[document] = help_search.sections_of(source(document))
            hit = help_search.look(document.title, self._sections.get(document, ()), words)
            if hit is not None:
                hits.append((document, hit))
        hits.sort(key=lambda found: found[1].rank)
        return [line for document, hit in hits for line in self._of_document(document, hit, words)]

    def _of_document(self, document: Document, hit: Hit, words: Sequence[str]) -> list[HelpLine]:
        topic = self.sought.lower()  # it has been found already
        room = max(20, self.app.size.width - 3)

        def line(parts: Sequence[Part], place: Place | None) -> HelpLine:
            parts = fitted(parts, room)
            parts = marked(parts, help_search.spans_of(plain(parts), words), "match")
            return HelpLine(parts, document, place, topic=topic)

        lines = [line([("  " + document.title, "text")], None)]
        for place in hit.places:
            head = clean(place.heading) or document.title
            said = f"  {clean(place.line)}" if place.line else ""
            lines.append(line([(f"    {head}", "accent"), (said, "muted")], place))
        if hit.more:
            told = f"    and {hit.more} more in it"
            lines.append(HelpLine([(told, "muted")], topic=topic))
        return lines

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
            self._show_document(line.document, line.place)
        elif line is not None and line.tab:
            self.console_app.system_tab = line.tab
            self.console_app.go("system")

    def do_search(self) -> None:
        """Show only what holds some words, as they are typed."""
        self.document = None
        self.ask_line(" search the help ", self.sought, self._seek, live=self._seek)

    def _seek(self, words: str) -> None:
        self.sought = words
        self._left = (0, 0)
        self._show_index()

    def on_line_list_chosen(self, event: LineList.Chosen) -> None:
        """A document clicked twice."""
        self.do_open()

    def do_back(self) -> None:
        """Out of a document, then out of the help."""
        if self.document is not None:
            cursor, top = self._left
            self._show_index()
            self.pane.return_to(cursor, top)
        elif self.sought:
            self._seek("")
        else:
            self.console_app.back()

    def do_next_match(self) -> None:
        """To the next line that holds what was sought."""
        self._go_to_match(1)

    def do_previous_match(self) -> None:
        """To the one before."""
        self._go_to_match(-1)

    def _go_to_match(self, step: int) -> None:
        if self.document is None or not self._matches:
            self.console_app.tell("/ searches the help; n and N go through an opened document")
            return
        at = self._matches.index(self._match) if self._match in self._matches else -step
        self._match = self._matches[(at + step) % len(self._matches)]
        self._paint_document(max(0, self._match - self.pane.page // 3))
