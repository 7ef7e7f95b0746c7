"""Automation › Flows: what can be run, how it went lately, and the form to run it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.cells import cell_len
from textual import events
from textual.app import ComposeResult

from wingman_tui.columns import FLOWS
from wingman_tui.command_lines import of_flow
from wingman_tui.sanitise import clean
from wingman_tui.screens.execution_actions import toggle_debug, toggle_watch
from wingman_tui.screens.looking import LookingScreen
from wingman_tui.state import FlowList
from wingman_tui.triggers import coming
from wingman_tui.view import Part
from wingman_tui.widgets.flow_panel import FlowPanel, lines_on
from wingman_tui.widgets.line_list import LineList
from wingman_tui.widgets.live_table import LiveTable


class FlowRows:
    """The flows that match the filter, as rows of a table."""

    def __init__(self, flows: FlowList) -> None:
        self._flows = flows
        self.names: list[str] = []
        self.total = 0
        self.coming: dict[str, Mapping[str, Any]] = {}  # what starts each flow next
        self._made: dict[str, tuple[Any, Any, dict[str, Any]]] = {}

    def refresh(self, text: str) -> None:
        """Find what matches now."""
        self.names = self._flows.matching(text)
        self.total = len(self.names)

    def key_at(self, index: int) -> str | None:
        """The name at a place."""
        return self.names[index] if 0 <= index < len(self.names) else None

    def index_of(self, key: str) -> int | None:
        """The place of a name."""
        try:
            return self.names.index(key)
        except ValueError:
            return None

    def row(self, key: str) -> dict[str, Any] | None:
        """The flow of a name, with what starts it next; the same one while nothing changes."""
        flow, comes = self._flows.flows.get(key), self.coming.get(key)
        if flow is None:
            return None
        made = self._made.get(key)
        if made is None or made[0] is not flow or made[1] != comes:
            made = self._made[key] = (flow, comes, {**flow, "comes": comes})
        return made[2]


class FlowsScreen(LookingScreen):
    """The mode that shows the flows."""

    SCOPE = "flows"
    LOOKS_AT = "triggers"
    filter_text = ""

    def panes(self) -> ComposeResult:
        """One table, and what is known of the selected flow."""
        self.rows = FlowRows(self.console_app.flows)
        self.rows.refresh("")
        self.table = LiveTable(self.rows, FLOWS, empty=self._empty, id="flows")
        yield self.table
        self.panel = FlowPanel(self.selected, lambda name: name in self.console_app.kept.watched)
        yield self.panel

    def on_mount(self) -> None:
        """The table takes the keys."""
        self.table.focus()

    def on_resize(self, event: events.Resize) -> None:
        """More is told of a flow where there are more lines."""
        self.panel.styles.height = lines_on(event.size.height)

    def title_words(self) -> tuple[str, ...]:
        """As the documents call it."""
        return ("Automation", "Flows")

    def selected(self) -> dict[str, Any] | None:
        """The selected flow."""
        row = self.table.selected
        return dict(row) if row is not None else None

    def command_facts(self) -> dict[str, str]:
        """The selected flow."""
        row = self.selected()
        return {} if row is None else of_flow(str(row["name"]), str(row.get("debug", "off")))

    def flows_changed(self) -> None:
        """Take new flows and results in."""
        self.rows.refresh(self.filter_text)
        self.table.rows_changed()
        self.panel.refresh()

    def on_screen_resume(self) -> None:
        """Show what came while another mode was visible, and look at what starts them next."""
        self.flows_changed()

    def take_frame(self, frame: dict[str, Any]) -> None:
        """Show when each starts next."""
        before, self.rows.coming = self.rows.coming, coming(frame["triggers"])
        names = before.keys() | self.rows.coming.keys()
        self.table.rows_updated({n for n in names if before.get(n) != self.rows.coming.get(n)})

    def on_line_list_moved(self, event: LineList.Moved) -> None:
        """Another flow is meant."""
        self.when_resting(self.panel.refresh)

    def on_line_list_chosen(self, event: LineList.Chosen) -> None:
        """Run what was clicked twice."""
        self.do_run()

    def about(self) -> Sequence[Part]:
        """What is filtered for."""
        if not self.filter_text:
            return ()
        found = f"  {self.rows.total} found, esc shows all"
        return (("filter ", "key"), (clean(self.filter_text), "strong"), (found, "muted"))

    def _empty(self) -> Sequence[Sequence[Part]]:
        if self.filter_text:
            return ([(" no flow matches; esc shows all", "muted")],)
        if not self.console_app.flows.loaded:
            return ([(" waiting for the engine …", "muted")],)
        return (
            [(" There is no flow yet.", "strong")],
            [],
            [
                (" Put a file into the flow folder: ", "text"),
                (clean(self.console_app.home.text("flows")), "accent"),
            ],
        )

    # actions

    def do_run(self) -> None:
        """Open the form of the selected flow."""
        flow = self.selected()
        if flow is None:
            return
        if flow.get("problems"):
            self.console_app.tell(
                "it has problems and cannot start: they stand below the list", "error"
            )
            return
        from wingman_tui.screens.run_form import open_run_form

        open_run_form(self.console_app, str(flow["name"]), None)

    def do_debug(self) -> None:
        """Switch debug mode of the selected flow."""
        flow = self.selected()
        if flow is not None:
            toggle_debug(self.console_app, str(flow["name"]))

    def do_watch(self) -> None:
        """Be told when the selected flow fails."""
        flow = self.selected()
        if flow is not None:
            toggle_watch(self.console_app, str(flow["name"]))
            self.panel.refresh()

    def do_definition(self) -> None:
        """Show the file of the selected flow."""
        flow = self.selected()
        if flow is None:
            return
        app = self.console_app

        text = ""

        def answered(key: str | None) -> None:
            if key == "y":
                app.copy(text, "the definition")

        def came(answer: dict[str, Any]) -> None:
            nonlocal text
            from wingman_tui.account import definition_lines
            from wingman_tui.format import fit_middle
            from wingman_tui.screens.dialog import AROUND_CELLS
            from wingman_tui.screens.reading import ReadingDialog

            text = str(answer.get("definition") or "")
            name, source = clean(str(answer["name"])), clean(str(answer.get("source") or ""))
            room = min(ReadingDialog.width_limit, app.size.width - 4) - AROUND_CELLS
            left = max(0, room - cell_len(name) - 2)
            title = f"{name}  {fit_middle(source, left).rstrip()}"
            dialog = ReadingDialog(title, lambda room: definition_lines(text, room), {"y": "copy"})
            app.push_screen(dialog, answered)

        app.carry_out(app.session.flow(str(flow["name"])), came, opens=True)

    def do_history(self) -> None:
        """Show the executions of the selected flow."""
        flow = self.selected()
        if flow is None:
            return
        from wingman_tui.screens.executions import ExecutionsScreen

        self.console_app.go("executions")
        screen = self.console_app.mode_screen
        if isinstance(screen, ExecutionsScreen):
            screen.set_filter(f"flow:{flow['name']}")

    def do_filter(self) -> None:
        """Ask what the flows must hold."""
        self.ask_line(" filter ", self.filter_text, self.set_filter, live=self.set_filter)

    def set_filter(self, text: str) -> None:
        """Show what matches from now on."""
        self.filter_text = text
        self.flows_changed()
        self.refresh_frame()

    def leave_filter(self) -> bool:
        """Show all again."""
        if not self.filter_text:
            return False
        self.set_filter("")
        return True
