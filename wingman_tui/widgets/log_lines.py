"""How the log pane looks: its title, then lines with their margin, cut or broken into rows.

What is held and where one reads is the pane's business; here it is only painted.
"""

from __future__ import annotations

from collections.abc import Hashable

from textual.strip import Strip

from wingman_tui import looks, wrapped
from wingman_tui.format import clock, fit_path
from wingman_tui.log_choice import ALL_LEVELS, LogChoice
from wingman_tui.log_search import LogSearch, finder
from wingman_tui.log_text import between, cut, marked, plain, rows_of
from wingman_tui.log_window import Line, LogWindow
from wingman_tui.sanitise import clean, clean_coloured
from wingman_tui.view import PRINTED, Part
from wingman_tui.widgets.log_title import TitleFacts, title_parts
from wingman_tui.widgets.painted import Painted

STEP_CELLS, STEP_CELLS_MOST = 12, 24
TITLE_ACTIONS = (*(f"execution.level_{level}" for level in looks.LEVELS),
                 "execution.follow", "execution.freeze")  # fmt: skip
LINE_CHARS = 8_300  # all that the engine sends of one
ROWS_KEPT = 500  # lines whose rows are known


class LogLines(Painted):
    """The painted lines of a log window."""

    def __init__(self, search: LogSearch, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.search = search
        self.window = LogWindow()
        self.choice = LogChoice()
        self.is_following = True
        self.is_frozen = False
        self.is_over = False  # no line comes any more
        self.is_wrapped = False
        self.shows_colours = True
        self.mark: int | None = None  # the place that a jump went to
        self._top = 0
        self._row = 0  # of the first line in sight, where lines take several
        self._left = 0
        self._rows: dict[Hashable, list[tuple[int, int]]] = {}

    @property
    def page(self) -> int:
        """How many lines are visible under the title."""
        return max(1, self.size.height - 1)

    @property
    def top(self) -> int:
        """The place of the first visible line."""
        return self.last_top() if self.is_following else self._top

    def last_top(self) -> int:
        """The first visible place when the end is in sight."""
        if not self.is_wrapped:
            return max(self.window.first, self.window.end - self.page)
        return self.last_spot()[0]

    def last_spot(self) -> wrapped.Spot:
        """The same with the row of that line."""
        if not self.is_wrapped:
            return self.last_top(), 0
        return wrapped.last_spot(self._count_rows, self.window.first, self.window.end, self.page)

    @property
    def spot(self) -> wrapped.Spot:
        """The first visible line, and the row of it that is the first visible one."""
        return self.last_spot() if self.is_following else (self._top, self._row)

    def in_sight(self) -> range:
        """The places of the lines that are seen, or some of whose rows are."""
        if not self.is_wrapped:
            return range(self.top, self.top + self.page)
        return wrapped.in_sight(self._count_rows, self.window.end, self.spot, self.page)

    # painting

    def render_line(self, y: int) -> Strip:
        """The title, then lines."""
        if y == 0:
            return self.line(self.title())
        if self.is_wrapped:
            return self._wrapped_row(y - 1)
        place = self.top + y - 1
        line = self.window.line_at(place)
        if line is None:
            return self.line(self._nothing()) if y == 1 and not self.window.lines else self.blank()
        parts = cut(self._parts_at(place), self._left, self._text_cells())
        return self.line([*self._margin(line, place), *parts])

    def title(self) -> list[Part]:
        """The first line."""
        return title_parts(self._facts(), self.view, self.size.width)

    def _facts(self) -> TitleFacts:
        return TitleFacts(
            name=self.choice.name,
            level=self.choice.level,
            pattern=self.search.pattern,
            match_words=self.search.words(),
            hides=self.search.hides,
            is_following=self.is_following,
            is_frozen=self.is_frozen,
            new=self.window.new,
            has_focus=self.has_focus,
            is_over=self.is_over,
            keys=self.console_app.keymap.written(TITLE_ACTIONS, self.view.ascii_only),
        )

    def _wrapped_row(self, row: int) -> Strip:
        """A row of the pane, where a line may take several."""
        place, index = self.spot
        index += row
        while (line := self.window.line_at(place)) is not None:
            rows = self._rows_at(place)
            if index < len(rows):
                parts = cut(between(self._parts_at(place), *rows[index]), 0, self._text_cells())
                if index:
                    room = self.size.width - 1 - self._text_cells()
                    return self.line([(self._sign(place), "focus"), (" " * room, "text"), *parts])
                return self.line([*self._margin(line, place), *parts])
            index -= len(rows)
            place += 1
        return self.line(self._nothing()) if not row and not self.window.lines else self.blank()

    def _rows_at(self, place: int) -> list[tuple[int, int]]:
        line, cells = self.window.line_at(place) or {}, self._text_cells()
        # a line that is not whole yet grows
        key = (line.get("cursor"), len(str(line.get("text", ""))), cells, self.shows_colours)
        rows = self._rows.get(key)
        if rows is None:
            if len(self._rows) >= ROWS_KEPT:
                self._rows.clear()
            rows = rows_of(plain(self._parts_at(place)), cells, LINE_CHARS)
            self._rows[key] = rows
        return rows

    def _count_rows(self, place: int) -> int:
        return len(self._rows_at(place))

    def _parts_at(self, place: int) -> list[Part]:
        """A held line's text, with what is searched marked in it."""
        line = self.window.line_at(place) or {}
        level = str(line.get("level", "info"))
        role = f"level_{level}" if level in looks.LEVELS else "text"
        parts = self._text_parts(str(line.get("text", "")), role)
        if self.search.pattern:
            spans = finder(self.search.pattern)(plain(parts))
            parts = marked(parts, spans, "match_here" if place == self.mark else "match")
        if line.get("stream") == "engine":
            parts.insert(0, (self.view.glyph("» ", "> "), "accent"))
        return parts

    def _text_parts(self, text: str, role: str) -> list[Part]:
        """The text in its own colours, or all of it in those of its level."""
        if not self.shows_colours:
            return [(clean(text, LINE_CHARS), role)]
        return [
            (piece, f"{role}{PRINTED}{words}" if words else role)
            for piece, words in clean_coloured(text, LINE_CHARS)
        ]

    def _nothing(self) -> list[Part]:
        if not self.window.loaded:
            gone = " no engine answers: these lines are shown when it does"
            return [(gone if self.view.stale else " …", "muted")]
        if self.window.more_before:
            return [(" looking for lines further up …", "muted")]
        if self.choice.grep:
            return [(f" no line matches {clean(self.choice.grep)}; esc ends the search", "muted")]
        if self.choice.level != ALL_LEVELS:
            return [(f" no line of level {self.choice.level} or worse; 1 shows all", "muted")]
        return [(" nothing printed yet", "muted")]

    def _text_cells(self) -> int:
        step = 0 if self.choice.is_single else self._step_cells() + 1
        return max(10, self.size.width - 12 - step)

    def _step_cells(self) -> int:
        """Room for a step's name: more where there is more."""
        return max(STEP_CELLS, min(STEP_CELLS_MOST, self.size.width // 8))

    def _sign(self, place: int) -> str:
        return self.view.glyph("▌", ">") if place == self.mark else " "

    def _margin(self, line: Line, place: int) -> list[Part]:
        """What stands before a line: mark, time, level, and its step where there are several."""
        level = str(line.get("level", "info"))
        letter = looks.LEVEL_LETTERS.get(level, "?")
        parts: list[Part] = [
            (self._sign(place), "focus"),
            (clock(str(line.get("time", "")), self.view.zone), "log_time"),
            (f" {letter} ", f"level_{level}" if level in looks.LEVELS else "text"),
        ]
        if not self.choice.is_single:
            name = clean(str(line.get("step") or ""))
            parts.append((fit_path(name, self._step_cells()) + " ", "log_step"))
        return parts
