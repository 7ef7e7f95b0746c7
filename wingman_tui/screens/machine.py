"""Machine: its gauges with their histories, and what each running step takes of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from textual import events
from textual.app import ComposeResult
from textual.strip import Strip

from wingman_tui.columns import MACHINE
from wingman_tui.machine import SORT_WORDS, SORTS, Machine
from wingman_tui.panes import AROUND_ROWS
from wingman_tui.screens.looking import LookingScreen
from wingman_tui.view import Part
from wingman_tui.widgets.line_list import LineList
from wingman_tui.widgets.live_table import LiveTable
from wingman_tui.widgets.painted import Painted


class GaugesPane(Painted):
    """A line a gauge, on a large screen several."""

    def __init__(self, machine: Machine) -> None:
        super().__init__(id="gauges")
        self._machine = machine
        self._painted: list[Strip] = []

    def measured(self) -> None:
        """The gauges are other ones: paint the lines that differ, and no other."""
        fresh = [self.line(parts) for parts in self._lines()]
        self.styles.height = len(fresh)
        for y, strip in enumerate(fresh):
            if y >= len(self._painted) or self._painted[y] != strip:
                self.repaint_line(y)
        self._painted = fresh

    def render_line(self, y: int) -> Strip:
        """One gauge."""
        if y == 0 or len(self._painted) <= y:
            self._painted = [self.line(parts) for parts in self._lines()]
        return self._painted[y] if y < len(self._painted) else self.blank()

    def _lines(self) -> list[list[Part]]:
        rows = self.app.size.height - AROUND_ROWS
        return self._machine.lines(self.size.width, self.view.ascii_only, rows)

    def on_resize(self, event: events.Resize) -> None:
        """As many lines as there are now."""
        self.measured()


class MachineScreen(LookingScreen):
    """The mode of the machine's own state."""

    SCOPE = "machine"
    LOOKS_AT = "machine"

    def panes(self) -> ComposeResult:
        """Gauges above the steps that run."""
        self.machine = Machine()
        self.gauges = GaugesPane(self.machine)
        self.table = LiveTable(self.machine, MACHINE, empty=self._empty, id="live-steps")
        yield self.gauges
        yield self.table

    def title_words(self) -> tuple[str, ...]:
        """The machine, and by what its steps are sorted."""
        return ("Machine", f"by {SORT_WORDS[self.machine.sort]}")

    def on_screen_resume(self) -> None:
        """Look: the engine measures as long as somebody does."""
        self.table.focus()

    def take_frame(self, frame: dict[str, Any]) -> None:
        """Show what was measured."""
        before = list(self.machine.order)
        self.machine.apply(frame)
        self.gauges.measured()
        if before != self.machine.order:
            self.table.rows_changed()
        else:
            self.table.rows_updated(set(before))

    def _empty(self) -> Sequence[Sequence[Part]]:
        if self.machine.gauges.get("running_steps"):
            return ([(" measuring what the running steps take …", "muted")],)
        return ([(" no step runs; what runs is measured here", "muted")],)

    def current(self) -> dict[str, Any] | None:
        """The execution of the selected step."""
        row = self.table.selected
        return dict(row) if row is not None else None

    def on_line_list_chosen(self, event: LineList.Chosen) -> None:
        """Open what was clicked twice."""
        self.do_open()

    def do_open(self) -> None:
        """Open the execution of the selected step."""
        row = self.current()
        if row is not None:
            self.console_app.open_execution(str(row["id"]))

    def do_sort(self) -> None:
        """Sort by the next thing that steps take."""
        self.machine.sort_by(SORTS[(SORTS.index(self.machine.sort) + 1) % len(SORTS)])
        self.table.rows_changed()
        self.refresh_frame()
