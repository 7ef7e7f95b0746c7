"""What every widget paints by: palette, glyph set, whether the data is stale, the time.

One object of the app, read by the widgets; it holds no data of the engine.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from wingman_tui import looks
from wingman_tui.format import fit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wingman_tui.theme import Palette

Part = tuple[str, str]  # text and the role that styles it
PRINTED = "/"  # a role of a log line may go on with the style that its step printed
_DIM = Style(dim=True)
_ASCII = str.maketrans("·…›»–", "-~>>-")  # what texts are joined and cut with


@dataclass
class View:
    """How things are shown now; `serial` changes with it, so that painted lines can be kept."""

    palette: Palette
    ascii_only: bool = False
    clock: Callable[[], float] = time.time
    zone: tzinfo | None = None
    stale: bool = False
    serial: int = 0
    _stood_at: float | None = None  # when what is shown was the present last
    _styles: dict[tuple[str, str], Style] = field(default_factory=dict)

    def change(self, palette: Palette | None = None, stale: bool | None = None) -> None:
        """Another theme, or data that has become old or fresh."""
        self.palette = palette or self.palette
        if stale is not None and stale != self.stale:
            self.stale, self._stood_at = stale, self.clock() if stale else None
        self.serial += 1
        self._styles.clear()

    def style(self, role: str, cursor: str = "") -> Style:
        """The style of a role, on the selected row if `cursor` names its look."""
        key = (role, cursor)
        found = self._styles.get(key)
        if found is None:
            palette = self.palette
            base, _, printed = role.partition(PRINTED)
            found = palette.selected(base, cursor) if cursor else palette[base]
            if printed and palette.colours != "none":
                found = found + Style.parse(printed)
            if self.stale and role not in ("badge_debug", "badge_alert"):
                found = found + _DIM
            self._styles[key] = found
        return found

    def now(self) -> float:
        """The wall clock, or a test's; it stands while nobody knows what goes on."""
        return self.clock() if self._stood_at is None else self._stood_at

    def sign(self, state: str) -> str:
        """The glyph of a state."""
        return looks.look_of(state).sign(self.ascii_only)

    def glyph(self, glyph: str, twin: str) -> str:
        """A glyph, or its twin on a terminal that has only ASCII."""
        return twin if self.ascii_only else glyph

    def rule(self, cells: int) -> Part:
        """What is left of a line that heads others, as a line that divides."""
        return (self.glyph("─", "-") * max(0, cells), "rule")

    def headed(self, parts: Sequence[Part], width: int) -> list[Part]:
        """A line that heads a pane, filled up with a line that divides it from the one above."""
        used = sum(cell_len(text) for text, _ in parts)
        return [*parts, (" ", "text"), self.rule(width - used - 2)]

    def strip(self, parts: Iterable[Part], width: int, cursor: str = "") -> Strip:
        """One painted line of exactly `width` cells; neighbours of one style become one segment."""
        segments: list[Segment] = []
        plain = self.style("text", cursor)
        held, held_style = "", plain
        for text, role in parts:
            if not text:
                continue
            if self.ascii_only:
                text = text.translate(_ASCII)
            style = self.style(role, cursor)
            if text.isspace() and _is_alike_on_blanks(style, plain):
                style = plain  # a change of style that nobody would see
            if style == held_style:
                held += text
                continue
            if held:
                segments.append(Segment(held, held_style))
            held, held_style = text, style
        if held:
            segments.append(Segment(held, held_style))
        return Strip(segments).adjust_cell_length(width, plain).simplify()


def fitted(parts: Iterable[Part], width: int) -> list[Part]:
    """The parts as far as they fit, cut with an ellipsis."""
    out: list[Part] = []
    for text, role in parts:
        if cell_len(text) > width:
            out.append((fit(text, width), role))
            break
        out.append((text, role))
        width -= cell_len(text)
    return out


def _is_alike_on_blanks(one: Style, other: Style) -> bool:
    if one is other:
        return True
    marks = (one.underline, one.strike) == (other.underline, other.strike)
    return marks and not (one.reverse or other.reverse) and one.bgcolor == other.bgcolor
