"""The terminal's cells as we know them, and the shortest way to change them. Used by `screenio`.

Two buffers: what the terminal shows (characters and style numbers, None where it is not known) and
the lines that should be shown instead. Pure: strips in, a terminal string out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.cells import cell_len

if TYPE_CHECKING:
    from rich.style import Style
    from textual.strip import Strip

GAP = 5  # unchanged cells that are cheaper to write again than to jump over
SCROLL_LINES_MIN = 4
SCROLL_SHARE = 0.5  # of a block's lines must have moved
ERASE_MIN = 4  # blanks at a line's end that are cheaper to erase than to write
BLANK = 0  # the style number of default colours without attributes
ATTRIBUTES = (("1", "bold"), ("2", "dim"), ("3", "italic"), ("4", "underline"), ("7", "reverse"),
              ("9", "strike"))  # fmt: skip

Chars = list[str | None]
Line = tuple[Chars, list[int]]
Sgr = tuple[str, str, str]  # attributes, foreground, background
DEFAULT: Sgr = ("", "39", "49")


class Screenful:
    """What a terminal of this size shows, and what it should."""

    def __init__(
        self, width: int, height: int, color_system: Any, *, scrolls: bool = True
    ) -> None:
        """Without `scrolls`, every line that has moved is written anew."""
        self._scrolls = scrolls
        self.width = width
        self.height = height
        self._color_system = color_system
        self._shown: list[Line] = [self._unknown() for _ in range(height)]
        self._wanted: dict[int, Line] = {}
        self._numbers: dict[Style | None, int] = {None: BLANK}
        self._sgr: list[Sgr] = [DEFAULT]
        self._number_of: dict[Sgr, int] = {DEFAULT: BLANK}
        self._is_first = True

    def _unknown(self) -> Line:
        return [None] * self.width, [-1] * self.width

    def _blank(self) -> Line:
        return [" "] * self.width, [BLANK] * self.width

    # taking in

    def put(self, y: int, x: int, strip: Strip) -> None:
        """Want a strip at a place."""
        if not 0 <= y < self.height or not 0 <= x < self.width:
            return
        chars, styles = self._expanded(strip)
        del chars[self.width - x :], styles[self.width - x :]
        end = x + len(chars)
        wanted = self._wanted.get(y)
        if wanted is None:
            shown_chars, shown_styles = self._shown[y]
            if shown_chars[x:end] == chars and shown_styles[x:end] == styles:
                return
            wanted = self._wanted[y] = (shown_chars[:], shown_styles[:])
        wanted[0][x:end] = chars
        wanted[1][x:end] = styles

    def _expanded(self, strip: Strip) -> tuple[Chars, list[int]]:
        """A strip as one entry a cell; the second cell of a wide character holds nothing."""
        chars: Chars = []
        styles: list[int] = []
        for text, style, control in strip:
            if control or not text:
                continue
            number = self._number(style)
            if text.isascii() or cell_len(text) == len(text):
                chars += text
                styles += [number] * len(text)
            else:
                _expand_wide(text, number, chars, styles)
        return chars, styles

    def _number(self, style: Style | None) -> int:
        number = self._numbers.get(style)
        if number is None:
            sgr = self._sgr_of(style)
            number = self._number_of.get(sgr)
            if number is None:
                self._sgr.append(sgr)
                number = self._number_of[sgr] = len(self._sgr) - 1
            self._numbers[style] = number
        return number

    def _sgr_of(self, style: Any) -> Sgr:
        attributes = ";".join(code for code, name in ATTRIBUTES if getattr(style, name))
        front, back = "39", "49"
        if style.color is not None:
            front = ";".join(style.color.downgrade(self._color_system).get_ansi_codes())
        if style.bgcolor is not None:
            color = style.bgcolor.downgrade(self._color_system)
            back = ";".join(color.get_ansi_codes(foreground=False))
        return attributes, front, back

    # giving out

    def difference(self) -> str:
        """The terminal string that turns what is shown into what is wanted."""
        wanted, self._wanted = self._wanted, {}
        out: list[str] = ["\x1b[m"] if self._is_first and wanted else []
        self._is_first = False
        if self._scrolls and len(wanted) >= SCROLL_LINES_MIN:
            self._scroll(wanted, out)
        pen = _Pen(out, self._sgr, self.width)
        for y in sorted(wanted):
            self._write_line(pen, y, wanted[y])
        pen.finish()
        return "".join(out)

    def _write_line(self, pen: _Pen, y: int, line: Line) -> None:
        chars, styles = line
        old_chars, old_styles = self._shown[y]
        self._shown[y] = line
        cells = zip(chars, old_chars, styles, old_styles, strict=True)
        changed = [x for x, (a, b, p, q) in enumerate(cells) if a != b or p != q]
        if not changed:
            return
        tail = self._blank_tail(line)
        erase = changed[-1] + 1 - max(tail, changed[0]) >= ERASE_MIN
        if erase:
            changed = [x for x in changed if x < tail]
        for first, end in _runs(changed):
            while first and chars[first] == "":
                first -= 1
            while end < self.width and chars[end] == "":
                end += 1
            pen.write(y, first, end, chars, styles)
        if erase:
            pen.erase(y, tail)

    def _blank_tail(self, line: Line) -> int:
        """Where a line's blank end begins."""
        chars, styles = line
        x = self.width
        while x and chars[x - 1] in (" ", None) and styles[x - 1] <= BLANK:
            x -= 1
        return x

    def _scroll(self, wanted: dict[int, Line], out: list[str]) -> None:
        """Where most lines of a block have only moved, let the terminal move them."""
        for first, last in _runs(sorted(wanted), gap=0):
            top, end, distance = self._moved(wanted, first, last)
            if not distance:
                continue
            # line feed at the margin and reverse index: every terminal has these
            go = f"\x1b[{end}H" + "\n" * distance
            if distance < 0:
                go = f"\x1b[{top + 1}H" + "\x1bM" * -distance
            out.append(f"\x1b[{top + 1};{end}r{go}\x1b[r")
            block = self._shown[top:end]
            fresh = [self._blank() for _ in range(abs(distance))]
            moved = block[distance:] + fresh if distance > 0 else fresh + block[:distance]
            self._shown[top:end] = moved

    def _moved(self, wanted: dict[int, Line], top: int, end: int) -> tuple[int, int, int]:
        """Which lines of a block moved, and how far up (below 0: down); 0 when they did not."""
        if end - top < SCROLL_LINES_MIN:
            return top, end, 0
        places: dict[tuple[str | None, ...], int] = {}
        for y in range(top, end):
            places.setdefault(tuple(self._shown[y][0]), y)
        moved: dict[int, list[int]] = {}  # by distance, the lines that came from so far away
        for y in range(top, end):
            place = places.get(tuple(wanted[y][0]))
            if place is not None and place != y:
                moved.setdefault(place - y, []).append(y)
        if not moved:
            return top, end, 0
        distance, lines = max(moved.items(), key=lambda item: len(item[1]))
        if len(lines) < (end - top) * SCROLL_SHARE:
            return top, end, 0
        # a title above that has changed too does not move along
        ends = (lines[0], lines[0] + distance, lines[-1], lines[-1] + distance)
        return min(ends), max(ends) + 1, distance


class _Pen:
    """Writes runs of cells, with as few moves and style changes as it can."""

    def __init__(self, out: list[str], sgr: list[Sgr], width: int) -> None:
        self._out = out
        self._sgr = sgr
        self._width = width
        self._at = (-1, -1)
        self._style = DEFAULT  # every frame leaves it so

    def write(self, y: int, first: int, end: int, chars: Chars, styles: list[int]) -> None:
        """The cells of a line from `first` to `end`."""
        self._move(y, first)
        x = first
        while x < end:
            number = styles[x]
            stop = x
            while stop < end and styles[stop] == number:
                stop += 1
            self._use(self._sgr[max(number, BLANK)])
            self._out.append("".join(" " if c is None else c for c in chars[x:stop]))
            x = stop
        self._at = (y, end) if end < self._width else (-1, -1)

    def erase(self, y: int, x: int) -> None:
        """Blank a line from `x` to its end."""
        if x >= self._width:
            return
        self._move(y, x)
        self._use(DEFAULT)
        self._out.append("\x1b[K")

    def _move(self, y: int, x: int) -> None:
        row, column = self._at
        if (row, column) == (y, x):
            return
        if row == y and x > column:
            jump = x - column
            self._out.append(f"\x1b[{jump}C" if jump > 1 else "\x1b[C")
        elif row == y - 1 and x == 0 and row >= 0:
            self._out.append("\r\n")
        else:
            self._out.append(f"\x1b[{y + 1};{x + 1}H" if x else f"\x1b[{y + 1}H")
        self._at = (y, x)

    def _use(self, sgr: Sgr) -> None:
        now = self._style
        if now == sgr:
            return
        if sgr == DEFAULT:
            codes = ""
        elif now[0] == sgr[0]:
            codes = ";".join(new for new, old in zip(sgr[1:], now[1:], strict=True) if new != old)
        else:
            # attributes are taken off by starting over
            start = ["0"] if now != DEFAULT else []
            parts = [sgr[0], sgr[1] if sgr[1] != "39" else "", sgr[2] if sgr[2] != "49" else ""]
            codes = ";".join([*start, *(part for part in parts if part)])
        self._out.append(f"\x1b[{codes}m")
        self._style = sgr

    def finish(self) -> None:
        """Leave the terminal without a style."""
        if self._style != DEFAULT:
            self._out.append("\x1b[m")


def _expand_wide(text: str, number: int, chars: Chars, styles: list[int]) -> None:
    for char in text:
        cells = cell_len(char)
        if cells == 0:
            if chars:
                chars[-1] = (chars[-1] or "") + char
            continue
        chars.append(char)
        styles.append(number)
        if cells == 2:
            chars.append("")
            styles.append(number)


def _runs(places: list[int], gap: int = GAP) -> list[tuple[int, int]]:
    """Sorted places as runs, those that are near each other joined."""
    runs: list[list[int]] = []
    for place in places:
        if runs and place - runs[-1][1] <= gap:
            runs[-1][1] = place + 1
        else:
            runs.append([place, place + 1])
    return [(first, end) for first, end in runs]
