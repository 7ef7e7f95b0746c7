"""Which executions the list shows and in what order: the filter, and what it is sorted by.

Mixed into the screen of the list, which owns the table and its windows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from wingman_tui.filters import EXAMPLE, complete, expanded, meant, on_servers
from wingman_tui.sorting import NEWEST_FIRST, Order
from wingman_tui.widgets.counts_line import CountsLine

if TYPE_CHECKING:
    from wingman_tui.listed import OneList, SideBySide
    from wingman_tui.screens.base import ModeScreen as Base
    from wingman_tui.widgets.live_table import LiveTable
else:
    Base = object

DAYS = "(@today and @yesterday are filters)"


class Filtering(Base):
    """Mixed into the screen that lists executions."""

    table: LiveTable
    windows: OneList | SideBySide
    filter_text = ""
    order = NEWEST_FIRST
    _is_untouched = True  # nobody has moved the cursor yet
    _servers: Sequence[str] = ()  # those that the filter names; none: all
    _stays_on: str | None = None  # the row to be selected in the list that comes
    _awaited: Callable[[], None] | None = None  # keys are held until the list comes
    _refused = ""  # the filter that no server understood, to be mended
    _shown: tuple[str, Sequence[str], Order] = ("", (), NEWEST_FIRST)  # what was there last

    def _release_keys(self) -> None:
        """What the keys are meant for is there."""
        if self._awaited is not None:
            self._awaited()

    if TYPE_CHECKING:

        def current(self) -> dict[str, Any] | None:
            """Given by the screen: the selected execution."""

        def refresh_servers(self) -> None:
            """Given by the screen."""

        def unmark(self) -> bool:
            """Given by the marking."""

    def do_filter(self) -> None:
        """Ask for a filter."""
        app = self.console_app
        flows = app.flows.flows
        types = [str(flow.get("type", "")) for flow in flows.values()]
        names = [link.name for link in app.session.links] if app.session.is_several else []
        named = app.named_filters
        self.ask_line(
            " filter ",
            self._refused or self.filter_text,
            self.set_filter,
            lambda text: complete(text, flows, types, named, names),
            past="filters",
            example=EXAMPLE,
        )

    def set_filter(self, text: str) -> None:
        """Show what matches from now on."""
        names = [link.name for link in self.console_app.session.links]
        text = meant(text, self.console_app.named_filters)
        try:
            servers, rest = on_servers(expanded(text, self.console_app.named_filters), names)
        except ValueError as error:
            self._mend(text, str(error))
            return
        self._refused = ""
        self.filter_text, self._servers = text, servers
        self._show_other(filter=rest)

    def set_order(self, order: Order) -> None:
        """Sort the list from now on."""
        self.order = order
        self._show_other(sort=order.by, reverse=order.is_reverse)

    def refused(self, problem: str) -> None:
        """A server does not understand the filter: what was shown before is shown again."""
        self._release_keys()
        if self.filter_text == self._shown[0]:
            self.console_app.tell(problem, "error")
            return
        text = self.filter_text
        self.filter_text, self._servers, self.order = self._shown
        self._show_other(
            filter=self.filter_meant(), sort=self.order.by, reverse=self.order.is_reverse
        )
        self._mend(text, problem)

    def _mend(self, text: str, problem: str) -> None:
        """Say what is wrong with a filter; the next `/` begins with it."""
        self._refused = text
        days = f" {DAYS}" if "no time" in problem else ""
        self.console_app.tell(f"{problem}{days}", "error")

    def list_came(self) -> None:
        """Another list has come, or this one is in another order."""
        held = self.console_app.executions
        if held.is_asked:
            return
        self._release_keys()
        self._shown = self.filter_text, self._servers, self.order
        index = held.index_of(self._stays_on) if self._stays_on else None
        self._stays_on = None
        if index is not None:
            self.table.go_to(index)

    def _show_other(self, **fields: Any) -> None:
        """Show another list, from its first row on; of all of them, the row that one was at."""
        is_all = not self.filter_text
        self._stays_on = (self._stays_on or self.table.cursor_key) if is_all else None
        self.table.cursor = self.table.top = 0
        self.table.cursor_key = None
        self.table.shows_another()
        self._is_untouched = True
        if self.console_app.session.may_answer:
            self._release_keys()
            self._awaited = self.console_app.hold_keys()  # they mean rows of what comes
        servers = self._servers or [link.name for link in self.console_app.session.links]
        self.windows.show(self.table.page, servers, **fields)
        self.refresh_servers()
        self.query_one(CountsLine).refresh()

    def filter_meant(self) -> str:
        """What a server is asked for: the names expanded, and without the words about servers."""
        names = [link.name for link in self.console_app.session.links]
        return on_servers(expanded(self.filter_text, self.console_app.named_filters), names)[1]

    def leave_filter(self) -> bool:
        """Take the marks off, else show all again, else the newest first."""
        if self.unmark():
            return True
        if self.filter_text:
            self.set_filter("")
        elif self.order != NEWEST_FIRST:
            self.set_order(NEWEST_FIRST)
        else:
            return False
        return True

    def do_sort(self) -> None:
        """Sort by the next thing: start, duration, flow, state."""
        self.set_order(self.order.next())

    def do_reverse(self) -> None:
        """Turn the order round."""
        self.set_order(self.order.reversed())

    def do_only(self) -> None:
        """Show only the executions of this flow, or all again."""
        row = self.current()
        if row is not None:
            mine = f"flow:{row['flow']}"
            self.set_filter("" if self.filter_text == mine else mine)
