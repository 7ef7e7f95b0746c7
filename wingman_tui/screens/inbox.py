"""Inbox: what has failed and not recovered, and who was told; the first place to look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from textual.app import ComposeResult
from textual.strip import Strip

from wingman_tui.inbox import (
    DELIVERIES,
    ENTRY_LOOKS,
    Rows,
    alert_lines,
    entries_with,
    entry_lines,
)
from wingman_tui.last_words import Failure, LastWords
from wingman_tui.sanitise import clean
from wingman_tui.screens.inbox_actions import InboxActions
from wingman_tui.view import Part, fitted
from wingman_tui.widgets.line_list import LineList
from wingman_tui.widgets.live_table import LiveTable
from wingman_tui.widgets.painted import Painted
from wingman_tui.widgets.tab_line import TabLine

TABS = ("failures", "alerts")
SHOWS = ("open", "snoozed", "recovered")
LIMIT = 200


class InboxScreen(InboxActions):
    """The mode of the inbox."""

    SCOPE = "inbox"

    def panes(self) -> ComposeResult:
        """The parts' names, the table of the open part, and what is selected in it."""
        self.tab, self.which, self.filter_text = TABS[0], SHOWS[0], ""
        self.entries, self.alerts = Rows(), Rows()
        self.more: dict[str, dict[str, Any]] = {}  # entries with notes and alerts
        self._windows: list[int] = []
        self.tabs = TabLine(TABS, lambda: self.tab, self.open_tab)
        yield InboxHead(self)
        yield self.tabs
        self.words = LastWords(self.console_app, self._words_came)
        columns = entries_with(self.words_of)
        self.tables = {
            "failures": LiveTable(self.entries, columns, empty=self._empty, id="failures"),
            "alerts": LiveTable(self.alerts, DELIVERIES, empty=self._no_alerts, id="alerts"),
        }
        yield from self.tables.values()
        self.panel = InboxPanel(self)
        yield self.panel

    def on_mount(self) -> None:
        """One table at a time."""
        self._show_table()

    def title_words(self) -> tuple[str, ...]:
        """As the documents call it."""
        return ("Automation", "Inbox")

    @property
    def table(self) -> LiveTable:
        """The table of the open part."""
        return self.tables[self.tab]

    # what is looked at

    def on_screen_resume(self) -> None:
        """Look at it."""
        self.console_app.notifying.seen()
        self.table.focus()
        self._look()

    def on_screen_suspend(self) -> None:
        """Nobody looks."""
        self._look_away()

    def _look_away(self) -> None:
        for window in self._windows:
            self.console_app.session.feed.close(window)
        self._windows = []

    def _look(self) -> None:
        self._look_away()
        feed = self.console_app.session.feed
        request = {"window": "inbox", "show": self.which, "filter": self.filter_text}
        self._windows = [
            feed.open({**request, "limit": LIMIT}, self._taker("failures", self.entries)),
            feed.open({"window": "alerts"}, self._taker("alerts", self.alerts)),
        ]

    def _taker(self, tab: str, rows: Rows) -> Callable[[dict[str, Any]], None]:
        def take(frame: dict[str, Any]) -> None:
            if frame.get("kind") == "error":
                error = frame.get("error") or {}
                self.console_app.tell(f"{error.get('message', '')}", "error")
                return
            changed, moved = rows.apply(frame)
            table = self.tables[tab]
            if moved:
                table.rows_changed()
            else:
                table.rows_updated(changed)
            self.query_one(InboxHead).refresh()
            if tab == self.tab:
                self._load()

        return take

    def selected(self) -> dict[str, Any] | None:
        """The selected entry, or delivery."""
        row = self.table.selected
        return dict(row) if row is not None else None

    def on_line_list_moved(self, event: LineList.Moved) -> None:
        """Another one is meant."""
        self.panel.refresh()
        self.when_resting(self._load)

    def _load(self) -> None:
        """Ask for the notes about what is selected, and who was told of it."""
        row = self.selected()
        self.panel.refresh()
        self.refresh_frame()
        if row is None or self.tab != "failures":
            return
        self.words.ask([Failure.of_entry(each) for each in (row, *self.table.visible_rows())])
        id_ = str(row["id"])

        def take(answer: dict[str, Any]) -> None:
            if self.more.get(id_) != answer:
                self.more[id_] = answer
                self.panel.refresh()

        session = self.console_app.session
        self.console_app.carry_out(
            session.request("GET", f"/v1/inbox/{id_}"), take, on_refusal=lambda refused: None
        )

    def words_of(self, entry: Mapping[str, Any]) -> str:
        """What the failed step of an entry said, once that is known."""
        return self.words.of(Failure.of_entry(entry))

    def _words_came(self, key: str) -> None:
        self.tables["failures"].repaint_key(key)
        self.panel.refresh()

    def open_tab(self, tab: str) -> None:
        """Show the other part."""
        self.tab = tab
        self._show_table()
        self.table.focus()
        self.tabs.refresh()
        self.query_one(InboxHead).refresh()
        self._load()

    def _show_table(self) -> None:
        for tab, table in self.tables.items():
            table.display = tab == self.tab

    def show(self, which: str) -> None:
        """Show others of the failures."""
        self.which = which
        self._look()

    # words

    def about(self) -> Sequence[Part]:
        """What is filtered for; the selected one is told in full above."""
        if self.filter_text:
            return (("filter ", "key"), (clean(self.filter_text), "strong"),
                    ("  esc shows all", "muted"))  # fmt: skip
        return ()

    def _empty(self) -> Sequence[Sequence[Part]]:
        if not self.entries.loaded:
            return ([(" waiting for the engine …", "muted")],)
        if self.filter_text:
            return ([(" nothing matches; ", "muted"), ("esc", "key"), (" shows all", "muted")],)
        if self.which != "open":
            return ([(f" nothing is {self.which}; ", "muted"), ("s", "key"),
                     (" shows others", "muted")],)  # fmt: skip
        snoozed = int(self.entries.counts.get("snoozed", 0))
        more = f" {snoozed} snoozed: s shows them." if snoozed else ""
        good = self.console_app.view.glyph("✓", "+")
        return (
            [(f" {good} Nothing has failed without recovering.", "good"), (more, "text")],
            [],
            [(" What fails shows up here, alike failures as one, until its flow", "muted")],
            [(" completes again.", "muted")],
            [(" Tab shows who was told of what.", "muted")],
        )

    def _no_alerts(self) -> Sequence[Sequence[Part]]:
        if not self.alerts.loaded:
            return ([(" waiting for the engine …", "muted")],)
        return (
            [(" Nobody was told of anything yet.", "strong")],
            [],
            [(" Write `alerts:` into a flow, and [channels] into config.toml;", "text")],
            [(" ? has the document about it.", "muted")],
        )


class InboxHead(Painted):
    """How many there are of each kind."""

    def __init__(self, screen: InboxScreen) -> None:
        super().__init__(classes="line")
        self._owner = screen

    def render_line(self, y: int) -> Strip:
        """The counts, and which are shown."""
        owner, counts = self._owner, self._owner.entries.counts
        parts: list[Part] = [(" ", "text")]
        for state in ("open", "acknowledged", "snoozed"):
            look, n = ENTRY_LOOKS[state], int(counts.get(state, 0))
            role = look.role if n else "muted"
            sign = look.sign(self.view.ascii_only)
            parts += [(f"{sign} {n} {look.word}", role), ("   ", "text")]
        if owner.which != "open":
            parts.append((f"showing {owner.which}   ", "accent"))
        waiting = sum(row["state"] == "waiting" for row in owner.alerts.rows.values())
        if waiting:
            parts.append((f"{waiting} alert{'s' * (waiting > 1)} to deliver", "warning"))
        return self.line(parts)


class InboxPanel(Painted):
    """All about the selected entry, or delivery."""

    def __init__(self, screen: InboxScreen) -> None:
        super().__init__(id="inbox-panel")
        self._owner = screen

    def render_line(self, y: int) -> Strip:
        """One line of it, under a rule."""
        if y == 0:
            return self.line([(self.view.glyph("─", "-") * self.size.width, "rule")])
        lines = self._lines()
        return self.line(fitted(lines[y - 1], self.size.width)) if y <= len(lines) else self.blank()

    def _lines(self) -> list[list[Part]]:
        row = self._owner.selected()
        if row is None:
            return []
        if self._owner.tab == "alerts":
            return alert_lines(row, self.view, self.size.width)
        more = self._owner.more.get(str(row["id"]), {})
        words = self._owner.words_of(row)
        return entry_lines(row, more, self.view, self.size.width, words)
