"""Several executions at once: marked with space, then retried, cancelled, killed or paused.

Mixed into the list of executions, before what can be done to a single one.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from engine.client.console import quote
from wingman_tui.action import ROLES
from wingman_tui.command_lines import quoted
from wingman_tui.filters import as_query
from wingman_tui.format import count
from wingman_tui.looks import LIVE_STATES
from wingman_tui.merged import key_of, told_apart
from wingman_tui.naming import name_of, name_on
from wingman_tui.sanitise import clean
from wingman_tui.screens.execution_actions import ExecutionActions, can_be_retried

if TYPE_CHECKING:
    from wingman_tui.action import Action
    from wingman_tui.app import WingmanApp
    from wingman_tui.link import Link

Row = Mapping[str, Any]
MARK_LIMIT = 1_000
BULK = frozenset({"retry", "cancel", "kill", "pause"})  # what is done to all that are marked
FEED_LIMIT = 500  # rows of one window
NAMED = 6  # of the executions that a question is about
AT_ONCE = 8  # requests
DONE = {
    "retry": "retrying",
    "cancel": "cancelling",
    "kill": "killing",
    "pause": "no new step starts in",
    "continue": "going on with",
}
CAN_BE = {"retry": "retried", "cancel": "cancelled", "kill": "killed", "pause": "paused"}
MEANS = {
    "retry": "What failed runs again, with the same flow and the same inputs.",
    "cancel": "Running steps get SIGTERM, then SIGKILL after their grace; `finally` still runs.",
    "kill": "Running steps get SIGKILL at once and cannot tidy up; `finally` does not run.",
    "pause": "No new step starts; running steps finish.",
}


class Marking(ExecutionActions):
    """The marks, by execution, and what is done to all that are marked."""

    marked: dict[str, Row]

    if TYPE_CHECKING:
        filter_text: str

        @property
        def console_app(self) -> WingmanApp:
            """Given by the screen."""

        def marks_changed(self) -> None:
            """Given by the screen: paint them."""

        def move_down(self) -> None:
            """Given by the screen: go to the next row."""

        def filter_meant(self) -> str:
            """Given by the screen: the filter with its names expanded."""

    def do_mark(self) -> None:
        """Mark the selected execution, or take its mark off; the next one is selected."""
        row = self.current()
        if row is None:
            return
        if self.marked.pop(key_of(row), None) is None:
            self.marked[key_of(row)] = row
        self.marks_changed()
        self.move_down()

    def do_mark_all(self) -> None:
        """Mark all that the filter shows, also those that are not in sight."""
        app = self.console_app

        def came(answer: dict[str, Any]) -> None:
            rows = answer["executions"]
            self.marked = {key_of(row): row for row in rows}
            self.marks_changed()
            if answer.get("next"):
                app.tell(f"the newest {count(len(rows))} are marked: more match", "warning")

        query = as_query(self.filter_meant())
        if "warnings" in query:  # only the feed counts these
            self._ask_feed(came)
            return
        app.carry_out(app.session.matching(query, MARK_LIMIT), came, opens=True)

    def _ask_feed(self, came: Callable[[dict[str, Any]], None]) -> None:
        """What the filter shows at this moment: the first frames of windows of its own."""
        session = self.console_app.session
        feed = session.feed
        links = [session.named(name) for name in session.shown]
        rows: list[Row] = []
        more: list[bool] = []

        def answered(link: Link, window: list[int], frame: dict[str, Any]) -> None:
            feed.close(window[0])
            if frame.get("kind") == "error":
                self.console_app.tell(str((frame.get("error") or {}).get("message")), "error")
                return
            found = frame["rows"]
            more.append(len(found) < frame["total"] or not frame["total_exact"])
            rows.extend(
                [told_apart(row, link.name) for row in found] if session.is_several else found
            )
            if len(more) == len(links):
                came({"executions": rows, "next": any(more)})

        request = {"window": "executions", "filter": self.filter_meant(), "limit": FEED_LIMIT}
        for link in links:
            window: list[int] = []
            window.append(feed.open(request, partial(answered, link, window), link))

    def most_rights(self) -> str:
        """Of the servers of all that are marked, the one where we may most: the others refuse."""
        session = self.console_app.session
        names = {str(row.get("server")) for row in self.marked.values()}
        return max(
            sorted(names), key=lambda name: ROLES.index(session.named(name).role or ROLES[0])
        )

    def unmark(self) -> bool:
        """Take all marks off; False when there were none."""
        if not self.marked:
            return False
        self.marked = {}
        self.marks_changed()
        return True

    # what is done to them

    def command_of_marked(self, action: Action) -> str:
        """The command line for all that are marked; `retry` takes one at a time."""
        if not self.marked or action.name not in BULK:
            return ""
        names = [quoted(name_of(row)) for row in self.marked.values()]
        option = self.console_app.session.option
        if action.name == "retry":
            return "; ".join(f"wingman retry {name} --detach{option}" for name in names)
        return f"wingman {action.name} {' '.join(names)}{option}"

    def do_retry(self) -> None:
        """Retry what failed: in the marked ones, else in the selected one."""
        self._bulk("retry", can_be_retried, super().do_retry)

    def do_cancel(self) -> None:
        """Cancel the marked ones, else the selected one, after a question."""
        self._bulk("cancel", _is_live, super().do_cancel)

    def do_kill(self) -> None:
        """Kill the marked ones, else the selected one, after a question."""
        self._bulk("kill", _is_live, super().do_kill)

    def do_pause(self) -> None:
        """Pause the marked ones, else the selected one or let it go on."""
        self._bulk("pause", lambda row: row.get("state") in ("queued", "running"), super().do_pause)

    def _bulk(self, verb: str, fits: Callable[[Row], bool], single: Callable[[], None]) -> None:
        if not self.marked:
            single()
            return
        held = self.console_app.executions
        rows = [held.row(key) or row for key, row in self.marked.items()]
        meant = [row for row in rows if fits(row)]
        if not meant:
            words = f"none of the {len(rows)} marked can be {CAN_BE[verb]} now"
            self.console_app.tell(words, "warning")
            return
        from wingman_tui.screens.confirm import ConfirmDialog

        number = f"{_executions(len(meant))}{_by_server(meant)}"
        dialog = ConfirmDialog(
            f"{verb.capitalize()} {number}?",
            f"{_names(meant)}. {MEANS[verb]}" + _left_alone(len(rows) - len(meant)),
            keep="leave them",
            do=f"{verb} {len(meant)}",
            count=len(meant),
        )

        def answered(confirmed: bool | None) -> None:
            if confirmed:
                self._carry_out_all(verb, meant)

        self.console_app.push_screen(dialog, answered)

    def _carry_out_all(self, verb: str, rows: Sequence[Row]) -> None:
        app = self.console_app

        def done(answer: dict[str, Any]) -> None:
            refused: list[tuple[Row, str]] = answer["refused"]
            self.unmark()
            number = len(rows) - len(refused)
            words = f"{DONE[verb]} {_executions(number)}{_by_server(answer['done'])}"
            if refused:
                where = _by_server([row for row, _ in refused])
                app.tell(f"{words}; {len(refused)} refused{where}: {refused[0][1]}", "error")
            else:
                app.tell(words, "good")

        app.tell(f"asking to {verb} {_executions(len(rows))} …")
        app.carry_out(_all(app, verb, rows), done)


async def _all(app: WingmanApp, verb: str, rows: Sequence[Row]) -> dict[str, Any]:
    """Ask for each; what the engine refused, in words."""
    from wingman_tui.lines import Refused

    refused: list[tuple[Row, str]] = []
    done: list[Row] = []

    async def one(row: Row) -> None:
        link = app.session.named(row.get("server"))
        try:
            if not link.is_live:
                raise Refused(f"{link.name} does not answer")
            await link.request("POST", f"/v1/executions/{quote(str(row['id']))}/{verb}", {})
            done.append(row)
        except Refused as refusal:
            refused.append((row, f"{name_on(row)}: {refusal}"))

    for start in range(0, len(rows), AT_ONCE):
        await asyncio.gather(*(one(row) for row in rows[start : start + AT_ONCE]))
    return {"refused": refused, "done": done}


def _is_live(row: Row) -> bool:
    return row.get("state") in LIVE_STATES


def _executions(number: int) -> str:
    return "1 execution" if number == 1 else f"{count(number)} executions"


def _by_server(rows: Sequence[Row]) -> str:
    """How many on each server, where there are several: ` (prod 3, staging 2)`."""
    found = Counter(str(row["server"]) for row in rows if row.get("server"))
    listed = ", ".join(f"{clean(name)} {number}" for name, number in sorted(found.items()))
    return f" ({listed})" if listed else ""


def _names(rows: Sequence[Row]) -> str:
    names = ", ".join(name_on(row) for row in rows[:NAMED])
    return names + (f" and {len(rows) - NAMED} more" if len(rows) > NAMED else "")


def _left_alone(number: int) -> str:
    if not number:
        return ""
    return f" {number} marked {'is' if number == 1 else 'are'} in another state and left alone."
