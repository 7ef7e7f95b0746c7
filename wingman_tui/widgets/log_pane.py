"""The live log: a window of lines painted as they are looked at, following the end or not.

Follow is a state: it is on when the pane opens at the end, and any move upwards ends it. While it
is off nothing moves under the reader; what came in the meantime is counted in the title.
"""

from __future__ import annotations

from collections.abc import Callable

from rich.cells import cell_len
from textual import events
from textual.message import Message
from textual.strip import Strip

from wingman_tui import looks
from wingman_tui.format import clock, count, fit, wrap
from wingman_tui.log_window import Line, LogWindow
from wingman_tui.sanitise import clean
from wingman_tui.view import Part
from wingman_tui.widgets.painted import Painted

STEP_CELLS = 12
WHEEL_LINES = 3
WRAPPED_LIMIT = 50  # rows that one line may take
LEVEL_KEYS = (("1", "all"), ("2", "info"), ("3", "warn"), ("4", "error"))


class LogPane(Painted, can_focus=True):
    """The lines of one step, or of all, from a level on."""

    class Wants(Message):
        """Lines that are not held should be fetched."""

        def __init__(self, before: str | None, after: str | None) -> None:
            super().__init__()
            self.before = before
            self.after = after

    def __init__(self, on_follow: Callable[[], None], *, id: str | None = None) -> None:
        """`on_follow` is called when following starts again without the tail at hand."""
        super().__init__(id=id)
        self.window = LogWindow()
        self.is_following = True
        self.level = "debug"
        self.grep = ""
        self.step: str | None = None  # None shows all steps, each line with its own
        self.mark: int | None = None  # the place that a jump went to
        self._top = 0
        self._left = 0
        self._on_follow = on_follow
        self.is_wrapped = False

    @property
    def page(self) -> int:
        """How many lines are visible under the title."""
        return max(1, self.size.height - 1)

    @property
    def top(self) -> int:
        """The place of the first visible line."""
        return self._last_top() if self.is_following else self._top

    def _last_top(self) -> int:
        """The first visible place when the end is in sight."""
        if not self.is_wrapped:
            return max(self.window.first, self.window.end - self.page)
        place, rows = self.window.end, 0
        while place > self.window.first:
            rows += len(self._parts_of(place - 1))
            if rows > self.page:
                break
            place -= 1
        return min(place, max(self.window.first, self.window.end - 1))

    def wrap(self) -> None:
        """Break long lines, or cut them again."""
        self._top = self.top
        self.is_wrapped = not self.is_wrapped
        self._left = 0
        self.refresh()

    def show(self, step: str | None, level: str, grep: str) -> None:
        """Another log is shown from now on; its lines are on their way."""
        self.step, self.level, self.grep = step, level, grep
        self.window = LogWindow()
        self.mark = None
        self._left = 0
        self.is_following = True
        self.refresh()

    def apply(self, frame: dict[str, object]) -> None:
        """Take a frame of the log window in."""
        if self.window.apply(frame, self.is_following):
            self.refresh()
        elif not self.is_following:
            self.repaint_line(0)  # only the count of new lines

    # moving

    def move(self, how: str) -> None:
        """Move by the name of an action: down, up, page_down, page_up, first, last."""
        if how == "last":
            self.follow()
            return
        page = max(1, self.page - 1)
        steps = {"down": 1, "up": -1, "page_down": page, "page_up": -page}
        self.scroll_to_place(self.window.first if how == "first" else self.top + steps[how])

    def scroll_to_place(self, place: int) -> None:
        """Put a line at the top; at the very end of a held tail, following goes on."""
        old = self.top
        bottom = self._last_top()
        self._top = max(self.window.first, min(place, bottom))
        at_bottom = self._top >= bottom and self.window.at_end
        self.is_following = at_bottom and place >= old
        if self.is_following:
            self.window.new = 0
        self._fetch_around()
        self.refresh()

    def follow(self) -> None:
        """Go to the end and stay there."""
        self.is_following = True
        self.window.new = 0
        if not self.window.at_end:
            self._on_follow()
        self.refresh()

    def unfollow(self) -> None:
        """Stay at the lines that are visible."""
        self._top = self.top
        self.is_following = False
        self.refresh()

    def sideways(self, pages: int) -> None:
        """Move half a page to the left or the right."""
        self._left = max(0, self._left + pages * max(8, self._text_cells() // 2))
        self.refresh()

    def jump_to_level(self, level: str, step: int) -> bool:
        """Go to the next line of a level, up or down, among the lines held."""
        start = (self.mark if self.mark is not None else self.top - (step > 0)) + step
        if self.mark is None and step < 0:
            start = self.top + self.page - 1
        place = self.window.find(start, step, level)
        if place is None:
            return False
        self.mark = place
        self.unfollow()
        if not self._top <= place < self._top + self.page:
            self.scroll_to_place(place - self.page // 3)
            self.is_following = False
        return True

    def lines_came(self) -> None:
        """A fetched page was put in."""
        self._top = max(self.window.first, self._top)
        self.refresh()

    def _fetch_around(self) -> None:
        before = self.window.wanted_before(self._top, self.page)
        after = self.window.wanted_after(self._top + self.page, self.page)
        if before is not None or after is not None:
            self.post_message(self.Wants(before, after))

    # painting

    def render_line(self, y: int) -> Strip:
        """The title, then lines."""
        if y == 0:
            return self._title()
        if self.is_wrapped:
            return self._wrapped_row(y - 1)
        line = self.window.line_at(self.top + y - 1)
        if line is None:
            return self.line(self._nothing()) if y == 1 and not self.window.lines else self.blank()
        text = self._visible(clean(str(line.get("text", ""))))
        return self._painted(line, text, self.top + y - 1 == self.mark)

    def _wrapped_row(self, row: int) -> Strip:
        """A row of the pane, where a line may take several."""
        place, part = self.top, row
        while (line := self.window.line_at(place)) is not None:
            parts = self._parts_of(place)
            if part < len(parts):
                text = fit(parts[part], self._text_cells())
                return self._painted(line, text, place == self.mark, part > 0)
            part -= len(parts)
            place += 1
        return self.line(self._nothing()) if not row and not self.window.lines else self.blank()

    def _parts_of(self, place: int) -> list[str]:
        line = self.window.line_at(place)
        text = clean(str(line.get("text", ""))) if line is not None else ""
        return wrap(text, self._text_cells(), WRAPPED_LIMIT)

    def _nothing(self) -> list[Part]:
        if not self.window.loaded:
            return [(" …", "muted")]
        if self.grep:
            return [(f" no line matches {clean(self.grep)}", "muted")]
        if self.level != "debug":
            return [(f" no line of level {self.level} or worse; 1 shows all", "muted")]
        return [(" nothing printed yet", "muted")]

    def _title(self) -> Strip:
        what = clean(self.step) if self.step else "all steps"
        mark = self.view.glyph("▌", "#") if self.has_focus else " "
        role = "focus" if self.has_focus else "strong"
        parts: list[Part] = [(mark, "focus"), ("log ", role), (what, "text"), ("  ", "text")]
        for level, (key, word) in zip(looks.LEVELS, LEVEL_KEYS, strict=True):
            parts.append((f" {key} {word} ", "chip_on" if level == self.level else "chip"))
        if self.grep:
            parts += [("  /", "key"), (clean(self.grep), "strong")]
        end = self._follow_words()
        used = sum(cell_len(text) for text, _ in parts) + cell_len(end[0]) + 1
        if used > self.size.width:  # the name gives way to the state
            parts[2] = (fit(what, max(4, cell_len(what) - used + self.size.width)), "text")
            used = sum(cell_len(text) for text, _ in parts) + cell_len(end[0]) + 1
        parts += [(" " * max(1, self.size.width - used), "text"), end]
        return self.line(parts)

    def _follow_words(self) -> Part:
        if self.is_following:
            return (self.view.glyph("▾ following", "following"), "muted")
        if self.window.new:
            return (f"+{count(self.window.new)} new, F follows", "warning")
        return ("F follows", "muted")

    def _text_cells(self) -> int:
        return max(10, self.size.width - 12 - (STEP_CELLS + 1 if self.step is None else 0))

    def _painted(self, line: Line, text: str, marked: bool, goes_on: bool = False) -> Strip:
        """A line, or a further part of one that is broken: then without time, level and step."""
        level = str(line.get("level", "info"))
        letter = looks.LEVEL_LETTERS.get(level, "?")
        role = f"level_{level}" if level in looks.LEVELS else "text"
        sign = self.view.glyph("▌", ">") if marked else " "
        if goes_on:
            return self.line([
                (sign, "focus"), (" " * (self.size.width - 1 - self._text_cells()), "text"),
                (text, role),
            ])  # fmt: skip
        parts: list[Part] = [
            (sign, "focus"),
            (clock(str(line.get("time", "")), self.view.zone), "log_time"),
            (f" {letter} ", role),
        ]
        if self.step is None:
            parts.append((fit(clean(str(line.get("step") or "")), STEP_CELLS) + " ", "log_step"))
        if line.get("stream") == "engine":
            parts.append((self.view.glyph("» ", "> "), "accent"))
            text = fit(text, self._text_cells() - 2)
        return self.line([*parts, (text, role)])

    def _visible(self, text: str) -> str:
        """The part of a line that is in sight, where lines are cut."""
        if self._left:
            start = cells = 0
            while start < len(text) and cells < self._left:
                cells += cell_len(text[start])
                start += 1
            text = text[start:]
        return fit(text, self._text_cells())

    # focus and mouse

    def on_focus(self) -> None:
        """The title tells where the keys go."""
        self.repaint_line(0)

    def on_blur(self) -> None:
        """The title steps back."""
        self.repaint_line(0)

    def on_resize(self) -> None:
        """The first visible line stays the first."""
        if not self.is_following:
            self._top = max(self.window.first, min(self._top, self.window.end - 1))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Towards the end."""
        self.scroll_to_place(self.top + WHEEL_LINES)
        event.stop()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Upwards: following ends."""
        self.scroll_to_place(self.top - WHEEL_LINES)
        event.stop()
