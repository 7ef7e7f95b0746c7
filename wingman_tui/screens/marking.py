"""Several executions at once: marked with space, then retried, cancelled, killed or paused.

Mixed into the list of executions, before what can be done to a single one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from wingman_tui.columns import name_of
from wingman_tui.filters import as_query
from wingman_tui.format import count
from wingman_tui.looks import LIVE_STATES
from wingman_tui.screens.execution_actions import RETRIABLE, ExecutionActions

if TYPE_CHECKING:
    from wingman_tui.app import WingmanApp

Row = Mapping[str, Any]
MARK_LIMIT = 1_000
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
MEANS = {
    "retry": "What failed in them runs again, with the same flow and the same inputs.",
    "cancel": "Running steps get SIGTERM, then SIGKILL after their grace; `finally` still runs.",
    "kill": "Their running steps get SIGKILL at once and cannot tidy up; `finally` does not run.",
    "pause": "No new step of them starts; running steps finish.",
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
        if self.marked.pop(str(row["id"]), None) is None:
            self.marked[str(row["id"])] = row
        self.marks_changed()
        self.move_down()

    def do_mark_all(self) -> None:
        """Mark all that the filter shows, also those that are not in sight."""
        app = self.console_app

        def came(answer: dict[str, Any]) -> None:
            rows = answer["executions"]
            self.marked = {str(row["id"]): row for row in rows}
            self.marks_changed()
            if answer.get("next"):
                app.tell(f"the newest {count(len(rows))} are marked: more match", "warning")

        query = as_query(self.filter_meant())
        if "warnings" in query:  # only the feed counts these
            self._ask_feed(came)
            return
        app.carry_out(app.session.matching(query, MARK_LIMIT), came)

    def _ask_feed(self, came: Callable[[dict[str, Any]], None]) -> None:
        """What the filter shows at this moment: the first frame of a window of its own."""
        feed = self.console_app.session.feed

        def answered(frame: dict[str, Any]) -> None:
            feed.close(window)
            if frame.get("kind") == "error":
                self.console_app.tell(str((frame.get("error") or {}).get("message")), "error")
                return
            rows, total = frame["rows"], frame["total"]
            came({"executions": rows, "next": len(rows) < total or not frame["total_exact"]})

        request = {"window": "executions", "filter": self.filter_meant(), "limit": FEED_LIMIT}
        window = feed.open(request, answered)

    def unmark(self) -> bool:
        """Take all marks off; False when there were none."""
        if not self.marked:
            return False
        self.marked = {}
        self.marks_changed()
        return True

    # what is done to them

    def do_retry(self) -> None:
        """Retry what failed: in the marked ones, else in the selected one."""
        self._bulk("retry", lambda row: row.get("state") in RETRIABLE, super().do_retry)

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
        rows = [held.row(id_) or row for id_, row in self.marked.items()]
        meant = [row for row in rows if fits(row)]
        if not meant:
            self.console_app.tell(f"none of the {len(rows)} marked can {verb} now", "warning")
            return
        from wingman_tui.screens.confirm import ConfirmDialog

        number = f"{len(meant)} execution{'s' if len(meant) > 1 else ''}"
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
            refused: list[str] = answer["refused"]
            self.unmark()
            words = f"{DONE[verb]} {len(rows) - len(refused)} executions"
            if refused:
                app.tell(f"{words}; {len(refused)} refused: {refused[0]}", "error")
            else:
                app.tell(words, "good")

        app.tell(f"asking to {verb} {len(rows)} executions …")
        app.carry_out(_all(app, verb, rows), done)


async def _all(app: WingmanApp, verb: str, rows: Sequence[Row]) -> dict[str, Any]:
    """Ask for each; what the engine refused, in words."""
    from wingman_tui.lines import Refused

    refused: list[str] = []

    async def one(row: Row) -> None:
        try:
            await app.session.act(str(row["id"]), verb)
        except Refused as refusal:
            refused.append(f"{name_of(row)}: {refusal}")

    for start in range(0, len(rows), AT_ONCE):
        await asyncio.gather(*(one(row) for row in rows[start : start + AT_ONCE]))
    return {"refused": refused}


def _is_live(row: Row) -> bool:
    return row.get("state") in LIVE_STATES


def _names(rows: Sequence[Row]) -> str:
    names = ", ".join(name_of(row) for row in rows[:NAMED])
    return names + (f" and {len(rows) - NAMED} more" if len(rows) > NAMED else "")


def _left_alone(number: int) -> str:
    if not number:
        return ""
    return f" {number} marked {'is' if number == 1 else 'are'} in another state and left alone."
