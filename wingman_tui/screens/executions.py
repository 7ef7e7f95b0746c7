"""Automation › Executions: every execution of this engine, live."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from textual.app import ComposeResult

from wingman_tui import looks
from wingman_tui.columns import EXECUTIONS, SIDE_BY_SIDE, is_live, with_words
from wingman_tui.command_lines import of_filter
from wingman_tui.filters import unheard_of
from wingman_tui.format import wrap
from wingman_tui.keymap import Action
from wingman_tui.last_words import Failure, LastWords
from wingman_tui.listed import OneList, SideBySide
from wingman_tui.merged import Merged
from wingman_tui.naming import error_line, name_on
from wingman_tui.sanitise import clean
from wingman_tui.screens.base import ModeScreen
from wingman_tui.screens.execution_actions import applies_to
from wingman_tui.screens.filtering import Filtering
from wingman_tui.screens.marking import BULK, Marking
from wingman_tui.state import Change
from wingman_tui.view import Part
from wingman_tui.waiting import waiting_words
from wingman_tui.widgets.bars import Status
from wingman_tui.widgets.counts_line import CountsLine
from wingman_tui.widgets.line_list import LineList
from wingman_tui.widgets.live_table import LiveTable
from wingman_tui.widgets.servers_line import ServersLine

# what a person is led to who sees the console for the first time
FIRST_STEPS = (
    ("f", "shows the flows; enter on one runs it and opens its steps and log"),
    ("", "disk-pressure tells what fills this machine, and changes nothing"),
    ("", "practice-failure fails on purpose: w then says why, r mends it"),
    (":run name", "runs a flow by its name; Tab completes it"),
    ("?", "shows every key, and explains flows from the beginning"),
)
FIRST_KEYS = 13  # cells
FAILED = frozenset({"failed", "partial"})


class ExecutionsScreen(Filtering, Marking, ModeScreen):
    """The first mode."""

    SCOPE = "executions"

    def panes(self) -> ComposeResult:
        """Counts above the table."""
        self.marked = {}
        session = self.console_app.session
        self.words = LastWords(self.console_app, self._words_came)
        self.table = LiveTable(
            self.console_app.executions,
            with_words(SIDE_BY_SIDE if session.is_several else EXECUTIONS, self.words_of),
            is_live=is_live,
            is_marked=lambda key: key in self.marked,
            is_stale=lambda row: session.is_several and not session.named(row["server"]).is_live,
            on_view=self._look_at,
            empty=self._empty,
            id="executions",
        )
        if session.is_several:
            yield ServersLine()
        yield CountsLine(self)
        yield self.table

    def on_mount(self) -> None:
        """Open the windows on the list; it is asked for once an engine is there."""
        app = self.console_app
        app.show_early_rows()
        self.table.focus()
        held = app.executions
        self.windows: OneList | SideBySide = (
            SideBySide(app, held, self._changed, self.refused)
            if isinstance(held, Merged)
            else OneList(app, held, self._changed, self.refused)
        )

    def title_words(self) -> tuple[str, ...]:
        """As the documents call it."""
        return ("Automation", "Executions")

    def _status(self) -> Status:
        """The counts have a line of their own here."""
        return replace(super()._status(), counts={})

    def current(self) -> dict[str, Any] | None:
        """The selected execution."""
        row = self.table.selected
        return dict(row) if row is not None else None

    def applies(self, action: Action) -> bool:
        """Whether an action does something to what is selected; for what is marked it may."""
        row = self.current()
        if action.scope != self.SCOPE or (self.marked and action.name in BULK):
            return True
        if row is None:
            return action.name in ("filter", "sort")
        return applies_to(row, action.name)

    # data

    def _changed(self, change: Change) -> None:
        app = self.console_app
        if change.order:
            self.list_came()
        if change.order and self._is_untouched and app.session.is_several:
            # the servers answer one after the other: the first row is the one that is first then
            self.table.cursor = self.table.top = 0
            self.table.cursor_key = None
        if change.order:
            self.table.rows_changed()
        else:
            self.table.rows_updated(change.rows)
        if change.counts or change.order:
            self.query_one(CountsLine).refresh()
            self.refresh_servers()
            app.refresh_status()
        if self.table.cursor_key in change.rows:
            self.refresh_frame()
        self._ask_for_words()
        app.frame_came()

    def _look_at(self, first: int, rows: int) -> None:
        """Ask for another window before the end of this one is in sight."""
        if self.is_mounted and hasattr(self, "windows"):
            self.windows.look_at(first, rows)

    def connection_changed(self) -> None:
        """An empty table tells why it is empty."""
        super().connection_changed()
        self.refresh_servers()
        if self.console_app.session.is_several or not self.console_app.executions.loaded:
            self.table.refresh()

    def refresh_servers(self) -> None:
        """Paint the line of the servers that stand side by side."""
        for line in self.query_children(ServersLine):
            line.refresh()

    def tick(self) -> bool:
        """Count the durations of what runs, and the ages of what is not seen any more."""
        self.refresh_servers()
        return self.table.tick()

    # painting

    def about(self) -> Sequence[Part]:
        """Why the selected execution failed or waits, in one line."""
        row = self.current()
        if row is None:
            return ()
        look = looks.execution_look(row)
        name: Part = (f"{look.sign(self.console_app.view.ascii_only)} {name_on(row)} ", look.role)
        if row.get("error"):
            words = self.words_of(row)
            if words:
                ended = f"  {error_line({**row['error'], 'step': ''})}"
                return (name, (error_line(row["error"], words), "text"), (ended, "muted"))
            return (name, (error_line(row["error"]), "text"))
        if row.get("waiting_for"):
            zone = self.console_app.view.zone
            return (name, ("waits for " + waiting_words(row["waiting_for"], zone), "text"))
        return ()

    def _empty(self) -> Sequence[Sequence[Part]]:
        app = self.console_app
        if not app.executions.loaded:
            return self._not_loaded()
        if self.filter_text:
            told: list[Part] = [
                (" nothing matches; ", "muted"), ("esc", "key"), (" shows all", "muted"),
            ]  # fmt: skip
            unheard = clean(self._unheard_of())
            return (told, [(f" {unheard}", "warning")]) if unheard else (told,)
        room = max(20, self.table.size.width - FIRST_KEYS - 3)
        return (
            [(" No flow has run yet.", "strong"), (" Flows are ready to try:", "text")],
            [],
            *(
                [(f"  {'' if at else key:<{FIRST_KEYS}}", "key"), (line, "text")]
                for key, words in FIRST_STEPS
                for at, line in enumerate(wrap(words, room))
            ),
        )

    def _unheard_of(self) -> str:
        """A word of the filter that there is not; of several servers nobody knows them all."""
        app = self.console_app
        flows = {} if app.session.is_several else app.flows.flows
        types = [str(flow.get("type", "")) for flow in flows.values()]
        return unheard_of(self.filter_meant(), flows, types, app.named_filters)

    def _not_loaded(self) -> Sequence[Sequence[Part]]:
        """Why there is nothing yet, and what helps."""
        problem = clean(self.console_app.session.problem)
        if not problem:
            return ([(" waiting for the engine …", "muted")],)
        width = max(20, self.table.size.width - 2)
        return (
            [(" No engine answers.", "strong")],
            *([(" " + line, "warning")] for line in wrap(problem, width, 4)),
            [],
            [(" S ", "key"), ("starts it; ", "text"), ("wingman doctor", "code"),
             (" in a shell says what is wrong", "text")],
        )  # fmt: skip

    # actions

    def on_line_list_chosen(self, event: LineList.Chosen) -> None:
        """Open what was clicked twice."""
        self._mean_server(for_marked=False)
        self.do_open()

    def on_line_list_moved(self, event: LineList.Moved) -> None:
        """Another execution is meant: what is wrong with it is told when the cursor rests."""
        self.when_resting(self._rested)

    def _rested(self) -> None:
        self._mean_server(for_marked=True)
        self.refresh_frame()
        self._ask_for_words()

    # what failed steps said

    def words_of(self, row: Mapping[str, Any]) -> str:
        """What the failed step of an execution said, once that is known."""
        return self.words.of(Failure.of_execution(row))

    def _ask_for_words(self) -> None:
        """Of the selected failure, and of those in sight where there is a column for them."""
        failing: list[Mapping[str, Any]] = [row for row in (self.current(),) if row is not None]
        if self.table.shows("WHY") and not self.console_app.session.is_several:
            failing += self.table.visible_rows()
        self.words.ask([Failure.of_execution(row) for row in failing])

    def _words_came(self, key: str) -> None:
        self.table.repaint_key(key)
        if key == self.table.cursor_key:
            self.refresh_frame()

    def on_screen_resume(self) -> None:
        """Back from somewhere else, which may have been about another server."""
        self._mean_server(for_marked=True)

    def _mean_server(self, *, for_marked: bool) -> None:
        app = self.console_app
        row = self.current()
        if not app.session.is_several or app.mode_screen is not self:
            return
        if self.marked and for_marked:
            app.mean_server(self.most_rights())
        elif row is not None:
            app.mean_server(row["server"])

    def do_open(self) -> None:
        """Open the selected execution."""
        row = self.current()
        if row is not None:
            self.console_app.open_execution(str(row["id"]))

    def command_facts(self) -> dict[str, str]:
        """The selected execution, and the filter."""
        return {**super().command_facts(), **of_filter(self.filter_meant())}

    def command_of(self, action: Action) -> str:
        """The command line that does what an action does to what is marked, else selected."""
        return self.command_of_marked(action) or super().command_of(action)

    def marks_changed(self) -> None:
        """Paint the marks."""
        self.table.refresh()
        self.query_one(CountsLine).refresh()

    def move_down(self) -> None:
        """Select the next row."""
        self.table.move("down")

    def perform(self, action: Action) -> None:
        """Any move but those to failures leaves the row that one began at; it asks nothing.

        What asks goes to the server of what is selected.
        """
        if action.scope == "list":
            self._is_untouched = False
        else:
            self._mean_server(for_marked=action.name in BULK)
        super().perform(action)

    def do_next_error(self) -> None:
        """Select the next execution below that failed."""
        self._seek(1)

    def do_previous_error(self) -> None:
        """Select the next execution above that failed."""
        self._seek(-1)

    def _seek(self, step: int) -> None:
        window, index = self.console_app.executions, self.table.cursor + step
        if self._is_untouched and step > 0:
            index -= step  # where nobody has gone yet, the first row may be the one that is sought
        self._is_untouched = False
        while 0 <= index < window.total:
            key = window.key_at(index)
            row = window.row(key) if key is not None else None
            if row is None:
                break
            if row.get("state") in FAILED:
                self.table.go_to(index)
                return
            index += step
        self.console_app.tell("no failure further on; / state:failed finds all of them", "warning")
