"""Triggers: what starts flows by itself, when, and what became of it; pause and continue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from textual.app import ComposeResult

from engine.client.console import quote
from wingman_tui.command_lines import quoted
from wingman_tui.sanitise import clean
from wingman_tui.screens.looking import LookingScreen
from wingman_tui.triggers import TRIGGERS, Ledger, TriggerRows
from wingman_tui.view import Part
from wingman_tui.widgets.line_list import LineList
from wingman_tui.widgets.live_table import LiveTable
from wingman_tui.widgets.trigger_pane import Shown, TriggerPane

LEDGER_ROWS = 30
PREVIEW = 12


class TriggersScreen(LookingScreen):
    """The mode of the triggers."""

    SCOPE = "triggers"
    LOOKS_AT = "triggers"

    def panes(self) -> ComposeResult:
        """The table, and of the selected one its ledger or its next moments."""
        self.rows = TriggerRows()
        self.ledgers: dict[str, Ledger] = {}
        self.moments: dict[str, list[Any]] = {}
        self.shows_moments = False
        self.table = LiveTable(self.rows, TRIGGERS, empty=self._empty, id="triggers")
        yield self.table
        self.panel = TriggerPane(self._shown, self._load_older)
        yield self.panel

    def title_words(self) -> tuple[str, ...]:
        """As the documents call it."""
        return ("Automation", "Triggers")

    def on_screen_resume(self) -> None:
        """Look at them."""
        self.table.focus()

    def take_frame(self, frame: dict[str, Any]) -> None:
        """Show the triggers as they are now."""
        before, order = dict(self.rows.rows), list(self.rows.names)
        is_first = not self.rows.loaded
        self.rows.apply(frame)
        if is_first or order != self.rows.names:
            self.table.rows_changed()
        else:
            changed = {n for n in order if before.get(n) != self.rows.rows[n]}
            self.table.rows_updated(changed)
        self._load()

    def selected(self) -> dict[str, Any] | None:
        """The selected trigger."""
        row = self.table.selected
        return dict(row) if row is not None else None

    def on_line_list_moved(self, event: LineList.Moved) -> None:
        """Another one is meant."""
        if event.lines is self.table:
            self.when_resting(self._load)

    def _load(self) -> None:
        """Ask for what is shown below; nothing moves under who reads further down."""
        row = self.selected()
        self.panel.fill()
        if row is None or self.panel.top:
            return
        name = str(row["name"])

        def take(answer: dict[str, Any]) -> None:
            if "moments" in answer:
                self.moments[name] = answer["moments"]
            elif not self.panel.top:  # else older ones are read by now
                self.ledgers[name] = Ledger(answer["occasions"], answer.get("next"))
            self.panel.fill()

        what = f"next?count={PREVIEW}" if self.shows_moments else f"ledger?limit={LEDGER_ROWS}"
        self._ask(name, what, take)

    def _load_older(self) -> None:
        """Ask for what stands below what is held of the ledger."""
        row = self.selected()
        ledger = self.ledgers.get(str(row["name"])) if row is not None else None
        if row is None or ledger is None or ledger.next is None or self.shows_moments:
            return
        before, ledger.next = ledger.next, None

        def take(answer: dict[str, Any]) -> None:
            ledger.rows += answer["occasions"]
            ledger.next = answer.get("next")
            self.panel.fill()

        self._ask(str(row["name"]), f"ledger?limit={LEDGER_ROWS}&before={before}", take)

    def _ask(self, name: str, what: str, take: Callable[[dict[str, Any]], None]) -> None:
        request = self.console_app.session.request("GET", f"/v1/triggers/{quote(name)}/{what}")
        self.console_app.carry_out(request, take, on_refusal=lambda refused: None)

    def _shown(self) -> Shown | None:
        """Of the selected trigger what is known, and its moments if these are wanted."""
        row = self.selected()
        if row is None:
            return None
        name = str(row["name"])
        moments = self.moments.get(name, []) if self.shows_moments else None
        return Shown(row, self.ledgers.get(name, Ledger()).rows, moments)

    def about(self) -> Sequence[Part]:
        """What is filtered for."""
        if not self.rows.text:
            return ()
        found = f"  {self.rows.total} found, esc shows all"
        return (("filter ", "key"), (clean(self.rows.text), "strong"), (found, "muted"))

    def _empty(self) -> Sequence[Sequence[Part]]:
        if self.rows.text:
            return ([(" no trigger matches; esc shows all", "muted")],)
        if not self.rows.loaded:
            return ([(" waiting for the engine …", "muted")],)
        return (
            [(" Nothing starts by itself yet.", "strong")],
            [],
            [(" Write `triggers:` into a file of the flow folder: ", "text"),
             (clean(self.console_app.home.text("flows")), "accent")],
            [(" ? has the document about it.", "muted")],
        )  # fmt: skip

    # actions

    def do_pane(self) -> None:
        """Move between the table and what is shown below it."""
        (self.table if self.focused is self.panel else self.panel).focus()

    def do_back(self) -> None:
        """Out of the pane below, then as everywhere."""
        if self.focused is self.panel:
            self.do_pane()
        else:
            super().do_back()

    def do_pause(self) -> None:
        """Pause it, or let it go on."""
        row = self.selected()
        if row is None:
            return
        verb = "continue" if row.get("paused") else "pause"
        words = "goes on" if verb == "continue" else "is paused: p lets it go on"
        name = str(row["name"])
        app = self.console_app
        app.carry_out(
            app.session.request("POST", f"/v1/triggers/{quote(name)}/{verb}", {}),
            lambda _: app.tell(f"{clean(name)} {words}", "good"),
        )

    def do_moments(self) -> None:
        """Show the next moments instead of the ledger, or the ledger again."""
        self.shows_moments = not self.shows_moments
        self.panel.top = 0
        self._load()

    def do_open(self) -> None:
        """Open the execution that it has started last."""
        row = self.selected()
        if row is None:
            return
        ledger = self.ledgers.get(str(row["name"]), Ledger())
        rows = [(row.get("last") or {}), *ledger.rows]
        started = next((each["execution"] for each in rows if each.get("execution")), None)
        if started is None:
            self.console_app.tell("it has started nothing yet", "warning")
        else:
            self.console_app.open_execution(str(started))

    def on_line_list_chosen(self, event: LineList.Chosen) -> None:
        """Open what was clicked twice."""
        self.do_open()

    def do_history(self) -> None:
        """Show the executions of its flow."""
        row = self.selected()
        if row is None:
            return
        from wingman_tui.screens.executions import ExecutionsScreen

        self.console_app.go("executions")
        screen = self.console_app.mode_screen
        if isinstance(screen, ExecutionsScreen):
            screen.set_filter(f"flow:{row['flow']}")

    def do_filter(self) -> None:
        """Ask what the triggers must hold."""
        self.ask_line(" filter ", self.rows.text, self.set_filter)

    def set_filter(self, text: str) -> None:
        """Show what matches from now on."""
        self.rows.filter(text)
        self.table.rows_changed()
        self._load()
        self.refresh_frame()

    def leave_filter(self) -> bool:
        """Show all again."""
        if not self.rows.text:
            return False
        self.set_filter("")
        return True

    def command_facts(self) -> dict[str, str]:
        """The selected trigger, and what it has started last."""
        row = self.selected()
        if row is None:
            return {}
        started = (row.get("last") or {}).get("execution")
        return {
            "name": quoted(str(row["name"])),
            "turn": "continue" if row.get("paused") else "pause",
            "ref": quoted(str(started)) if started else "",
            "flow": quoted(str(row["flow"])),
        }
