"""What the selected flow does, asks for, and suffers from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.cells import cell_len
from textual.strip import Strip

from wingman_tui.sanitise import clean, clean_lines
from wingman_tui.view import Part, fitted
from wingman_tui.widgets.painted import Painted

Row = Mapping[str, Any]
LINES = 5
TALL_ROWS = 30  # of a screen on which it has more of them
NAME_CELLS, VALUE_CELLS = 24, 32


def lines_on(rows: int) -> int:
    """How many lines it has on a screen so high."""
    return LINES if rows < TALL_ROWS else rows * 3 // 10


class FlowPanel(Painted):
    """A few lines under the table of flows."""

    def __init__(
        self, selected: Callable[[], Row | None], is_watched: Callable[[str], bool]
    ) -> None:
        super().__init__(id="flow-panel")
        self._selected = selected
        self._is_watched = is_watched
        self._painted: list[Strip] = []

    def render_line(self, y: int) -> Strip:
        """One line of it."""
        if y == 0:
            self._painted = [self.line(parts) for parts in self._lines()]
        return self._painted[y] if y < len(self._painted) else self.blank()

    def _lines(self) -> list[list[Part]]:
        from wingman_tui.format import wrap

        flow = self._selected()
        if flow is None:
            return []
        width = max(20, self.size.width - 2)
        source = clean(str(flow.get("source") or ""))
        problems = flow.get("problems") or []
        lines = [self._head(flow, source, width)]
        said = clean_lines(str(flow.get("description") or "").strip(), self.size.height)
        wrapped = [line for text in said for line in wrap(text, width, 2) if line]
        most = 1 if problems else max(2, self.size.height // 3)
        lines += [[(" " + line, "text")] for line in wrapped[:most]]
        for problem in problems:
            text = clean(str(problem)).removeprefix(f"{source}:")  # it stands in the line above
            lines += [[(" " + line, "error")] for line in wrap(text, width, 2)]
        if not problems:
            lines += _inputs(flow.get("inputs") or [], width, self.size.height - len(lines))
        return lines

    def _head(self, flow: Row, source: str, width: int) -> list[Part]:
        """Its name, where its file lies, whether it is watched."""
        from wingman_tui.format import fit_middle

        name = clean(str(flow["name"]))
        head: list[Part] = [(" " + fit_middle(name, min(width, cell_len(name))), "strong")]
        if flow.get("standard"):
            head.append(("  standard flow", "muted"))
        room = max(0, width - sum(cell_len(text) for text, _ in head) - 2)
        head.append(("  " + fit_middle(source, min(room, cell_len(source))), "muted"))
        if self._is_watched(str(flow["name"])):
            head.append(("  watched", "accent"))
        return self.view.headed(head, self.size.width)


def _inputs(declared: Sequence[Row], width: int, room: int) -> list[list[Part]]:
    """What a flow asks for: a line each where there is room, else the names."""
    from wingman_tui.format import fit, wrap
    from wingman_tui.inputs import describe, starting_text

    if not declared:
        return []
    if len(declared) + 1 > room:
        words = [_name_of(each) + (" (required)" * bool(each.get("required"))) for each in declared]
        text = f"inputs: {', '.join(words)}"
        return [[(" " + line, "muted")] for line in wrap(text, width, 2)]
    names = [_name_of(each) for each in declared]
    values = [
        "required" if each.get("required") else clean(starting_text(each)) for each in declared
    ]
    name_cells = min(NAME_CELLS, max(map(cell_len, names)))
    value_cells = min(VALUE_CELLS, max(map(cell_len, values)))
    lines: list[list[Part]] = [[]]
    for name, value, each in zip(names, values, declared, strict=True):
        is_open = bool(each.get("required"))
        parts: list[Part] = [
            (f" {fit(name, name_cells)}  ", "accent"),
            (f"{fit(value, value_cells)}  ", "warning" if is_open else "text"),
            (clean(describe(each)), "muted"),
        ]
        lines.append(fitted(parts, width))
    return lines


def _name_of(declared: Row) -> str:
    return clean(str(declared["name"]))
