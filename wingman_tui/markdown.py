"""Markdown as lines of text that fit a width: headings, paragraphs, lists, code and tables.

Called by `documents`. The grammar is markdown-it's; the look is ours. Pure; every
piece is cleaned, since the text may be anybody's.
"""

from __future__ import annotations

from collections.abc import Iterator

from markdown_it import MarkdownIt
from markdown_it.token import Token
from rich.cells import cell_len

from wingman_tui.format import wrap
from wingman_tui.sanitise import clean
from wingman_tui.view import Part

Line = list[Part]
MARKS = {"code_inline": "code", "strong_open": "strong", "em_open": "strong"}
COLUMN_MIN = 6
GAP = 2


def markdown_lines(text: str, width: int) -> list[Line]:
    """A text's lines, each of at most `width` cells."""
    return markdown_page(text, width)[0]


def markdown_page(text: str, width: int) -> tuple[list[Line], list[int]]:
    """The same, and which of the lines its headings begin at."""
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    page = _Page(max(20, width))
    return page.lines_of(tokens), page.headings


class _Page:
    """The lines so far, and what the next block hangs under."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._lines: list[Line] = []
        self._indent = 0
        self._bullet = ""
        self._counters: list[int | None] = []  # of each open list; None where it is not numbered
        self._hangs: list[int] = []  # the indent of each open item
        self._heading = 0
        self.headings: list[int] = []
        self._row: list[Line] = []
        self._rows: list[list[Line]] | None = None

    def lines_of(self, tokens: list[Token]) -> list[Line]:
        for token in tokens:
            handler = getattr(self, f"_{token.type}", None)
            if handler is not None:
                handler(token)
        while self._lines and not self._lines[-1]:
            self._lines.pop()
        return self._lines

    def _blank(self) -> None:
        if self._lines and self._lines[-1]:
            self._lines.append([])

    def _put(self, parts: Line) -> None:
        """One line, under the bullet of its item where it is the first."""
        start = " " * max(0, self._indent - len(self._bullet)) + self._bullet
        self._bullet = ""
        self._lines.append([(start, "accent"), *parts] if start else parts)

    def _heading_open(self, token: Token) -> None:
        self._blank()
        self._heading = int(token.tag[1:])
        self.headings.append(len(self._lines))

    def _heading_close(self, token: Token) -> None:
        self._heading = 0
        self._blank()

    def _inline(self, token: Token) -> None:
        parts = _parts(token.children or [])
        if self._rows is not None:
            self._row.append(parts)
            return
        if self._heading:
            role = "focus" if self._heading == 1 else "strong"
            parts = [(text, role) for text, _ in parts]
        for line in fill(parts, self._width - self._indent):
            self._put(line)

    def _paragraph_close(self, token: Token) -> None:
        if not token.hidden:  # in a list without blank lines
            self._blank()

    def _bullet_list_open(self, token: Token) -> None:
        self._counters.append(None)

    def _ordered_list_open(self, token: Token) -> None:
        self._counters.append(int(token.attrGet("start") or 1))

    def _list_item_open(self, token: Token) -> None:
        number = self._counters[-1]
        self._bullet = "- " if number is None else f"{number}. "
        if number is not None:
            self._counters[-1] = number + 1
        self._indent += len(self._bullet)
        self._hangs.append(len(self._bullet))

    def _list_item_close(self, token: Token) -> None:
        self._indent -= self._hangs.pop()
        self._bullet = ""

    def _bullet_list_close(self, token: Token) -> None:
        self._counters.pop()
        if not self._counters:
            self._blank()

    _ordered_list_close = _bullet_list_close

    def _fence(self, token: Token) -> None:
        for raw in token.content.rstrip("\n").split("\n"):
            for number, line in enumerate(wrap(clean(raw), self._width - self._indent - 6)):
                self._put([(("      " if number else "  ") + line, "code")])
        self._blank()

    _code_block = _fence

    def _hr(self, token: Token) -> None:
        self._blank()

    def _table_open(self, token: Token) -> None:
        self._rows = []

    def _tr_close(self, token: Token) -> None:
        if self._rows is not None:
            self._rows.append(self._row)
            self._row = []

    def _table_close(self, token: Token) -> None:
        rows, self._rows = self._rows or [], None
        for line in table_lines(rows, self._width - self._indent):
            self._put(line)
        self._blank()


def _parts(tokens: list[Token]) -> Line:
    """Inline tokens as styled pieces; of a link, its text."""
    parts: Line = []
    roles: list[str] = []
    for token in tokens:
        if token.type == "code_inline":
            parts.append((clean(token.content), "code"))
        elif token.type in ("softbreak", "hardbreak"):
            parts.append((" ", "text"))
        elif token.type in MARKS:
            roles.append(MARKS[token.type])
        elif token.type in ("strong_close", "em_close"):
            roles.pop()
        elif token.content:
            parts.append((clean(token.content), roles[-1] if roles else "text"))
    return parts


def fill(parts: Line, width: int) -> list[Line]:
    """Styled pieces in lines of at most `width` cells, broken at spaces where there are any."""
    lines: list[Line] = [[]]
    used = 0
    words = _words(parts, width)
    for word in (unit for whole in words for unit in _units(whole, width)):
        room = _cells(word)
        if lines[-1] and used + 1 + room > width:
            lines.append([])
            used = 0
        if lines[-1]:
            lines[-1].append((" ", word[0][1] if word[0][1] == lines[-1][-1][1] else "text"))
            used += 1
        lines[-1] += word
        used += room
    return [_joined(line) for line in lines]


def _units(word: Line, width: int) -> list[Line]:
    """A word, or its pieces where it is wider than a line."""
    return [word] if _cells(word) <= width else [[piece] for piece in word]


def _words(parts: Line, width: int) -> Iterator[Line]:
    """What must stay together: pieces without a space between, of whatever roles."""
    word: Line = []
    for text, role in parts:
        for number, part in enumerate(text.split(" ")):
            if number and word:
                yield word
                word = []
            pieces = wrap(part, max(1, width)) if cell_len(part) > width else [part]
            for piece in pieces[:-1]:
                yield [*word, (piece, role)]
                word = []
            if pieces[-1]:
                word.append((pieces[-1], role))
    if word:
        yield word


def _joined(line: Line) -> Line:
    """A line with neighbours of one role put together."""
    found: Line = []
    for text, role in line:
        if found and found[-1][1] == role:
            found[-1] = (found[-1][0] + text, role)
        else:
            found.append((text, role))
    return found


def table_lines(rows: list[list[Line]], width: int) -> list[Line]:
    """A table's lines: columns as wide as their texts where there is room, else wrapped."""
    if not rows:
        return []
    columns = max(len(row) for row in rows)
    wanted = [
        max((_cells(row[n]) for row in rows if n < len(row)), default=0) for n in range(columns)
    ]
    widths = shares(wanted, width - GAP * (columns - 1))
    found: list[Line] = []
    for number, row in enumerate(rows):
        cells = [fill(cell, widths[n]) for n, cell in enumerate(row)]
        height = max((len(cell) for cell in cells), default=0)
        found += [_row_line(cells, widths, at, is_head=number == 0) for at in range(height)]
    return found


def _row_line(cells: list[list[Line]], widths: list[int], at: int, *, is_head: bool) -> Line:
    line: Line = []
    for n, cell in enumerate(cells):
        parts = cell[at] if at < len(cell) else []
        line += [(text, "strong") for text, _ in parts] if is_head else parts
        if n < len(cells) - 1:
            line.append((" " * (widths[n] - _cells(parts) + GAP), "text"))
    return line


def _cells(parts: Line) -> int:
    return sum(cell_len(text) for text, _ in parts)


def shares(wanted: list[int], room: int) -> list[int]:
    """Column widths that fit `room`: the widest give way first."""
    widths = list(wanted)
    while sum(widths) > room:
        widest = max(range(len(widths)), key=widths.__getitem__)
        if widths[widest] <= COLUMN_MIN:
            break
        widths[widest] -= 1
    return widths
