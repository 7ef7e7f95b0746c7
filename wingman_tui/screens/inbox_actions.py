"""What can be done in the inbox: to a failure, and to an alert."""

from __future__ import annotations

from typing import Any

from engine.client.console import quote
from wingman_tui.command_lines import of_execution
from wingman_tui.inbox import where
from wingman_tui.sanitise import clean
from wingman_tui.screens.base import ModeScreen
from wingman_tui.widgets.line_list import LineList
from wingman_tui.widgets.tab_line import TabLine

AGES = ("30m", "2h", "8h", "1d", "7d")
SHOWS = ("open", "snoozed", "recovered")
NOBODY = "nobody"


class InboxActions(ModeScreen):
    """The inbox as far as keys are concerned; what it shows is the screen's."""

    tab: str
    which: str
    filter_text: str
    tabs: TabLine

    def selected(self) -> dict[str, Any] | None:
        """The selected entry, or delivery."""
        raise NotImplementedError

    def open_tab(self, tab: str) -> None:
        """Show the other part."""
        raise NotImplementedError

    def show(self, which: str) -> None:
        """Show others of the failures."""
        raise NotImplementedError

    def current(self) -> dict[str, Any] | None:
        """The newest execution that is meant, as far as it is known here."""
        row = self.selected()
        if row is None:
            return None
        if self.tab == "failures":
            return {"id": row["execution"], "flow": row["flow"], "number": row["number"]}
        if not row.get("execution"):
            return None
        number = str(row["title"]).partition("#")[2].partition(" ")[0]
        return {"id": row["execution"], "flow": row["flow"], "number": number or "?"}

    def _meant(self) -> dict[str, Any] | None:
        execution = self.current()
        if execution is None:
            self.console_app.tell("this is about no execution", "warning")
        return execution

    # looking

    def do_open(self) -> None:
        """Open the newest execution: its tree goes to the step that failed."""
        execution = self._meant()
        if execution is not None:
            self.console_app.open_execution(str(execution["id"]))

    def on_line_list_chosen(self, event: LineList.Chosen) -> None:
        """Open what was clicked twice."""
        self.do_open()

    def do_why(self) -> None:
        """Why it failed, and what helps."""
        execution = self._meant()
        if execution is not None:
            self.console_app.open_details(str(execution["id"]), "why")

    def do_next_tab(self) -> None:
        """The other part."""
        self.open_tab(self.tabs.step(1))

    def do_show(self) -> None:
        """Those that are snoozed, those that have recovered, the open ones again."""
        if self.tab == "failures":
            self.show(SHOWS[(SHOWS.index(self.which) + 1) % len(SHOWS)])

    def do_filter(self) -> None:
        """Ask what the entries must hold."""
        self.ask_line(" filter ", self.filter_text, self.set_filter)

    def set_filter(self, text: str) -> None:
        """Show what matches from now on."""
        self.filter_text = text
        self.show(self.which)
        self.refresh_frame()

    def leave_filter(self) -> bool:
        """Show all again, then the open ones again."""
        if self.filter_text:
            self.set_filter("")
        elif self.which != SHOWS[0]:
            self.show(SHOWS[0])
        else:
            return False
        return True

    def do_history(self) -> None:
        """Show the executions of the flow."""
        row = self.selected()
        if row is None or not row["flow"]:
            return
        from wingman_tui.screens.executions import ExecutionsScreen

        self.console_app.go("executions")
        screen = self.console_app.mode_screen
        if isinstance(screen, ExecutionsScreen):
            screen.set_filter(f"flow:{row['flow']}")

    def do_copy(self) -> None:
        """Copy the error, or the text of the alert."""
        row = self.selected()
        if row is not None:
            text = row["message"] if self.tab == "failures" else row["text"]
            self.console_app.copy(str(text), "the error" if self.tab == "failures" else "the text")

    # doing

    def _entry(self) -> dict[str, Any] | None:
        row = self.selected() if self.tab == "failures" else None
        if row is None:
            self.console_app.tell("no failure is selected", "warning")
        return row

    def _post(self, entry: dict[str, Any], verb: str, body: dict[str, Any], said: str) -> None:
        app = self.console_app
        path = f"/v1/inbox/{quote(str(entry['id']))}/{verb}"
        app.carry_out(app.session.request("POST", path, body), lambda _: app.tell(said, "good"))

    def do_acknowledge(self) -> None:
        """Take note of it, or take that back; of an alert: nobody is reminded any more."""
        row = self.selected()
        app = self.console_app
        if row is None:
            return
        if self.tab == "alerts":
            request = app.session.request("POST", f"/v1/alerts/{row['id']}/ack", {})
            said = f"acknowledged: {clean(str(row['title']))}"
            app.carry_out(request, lambda _: app.tell(said, "good"))
            return
        undo = bool(row.get("acked_by")) and row["state"] == "acknowledged"
        words = "open again" if undo else "known: alerts remind nobody of it"
        self._post(row, "ack", {"undo": True} if undo else {}, f"{where(row)} is {words}")

    def do_snooze(self) -> None:
        """Have it stay away for some time."""
        entry = self._entry()
        if entry is None:
            return
        if entry["state"] == "snoozed":
            self._post(entry, "snooze", {}, f"{where(entry)} is back")
            return

        def take(text: str) -> None:
            if text:
                key = "until" if "-" in text or ":" in text else "duration"
                self._post(entry, "snooze", {key: text}, f"{where(entry)} stays away, s shows it")

        offers = lambda text: [each for each in AGES if each.startswith(text)]  # noqa: E731
        self.ask_line(" away for ", AGES[1], take, offers)

    def do_assign(self) -> None:
        """Say who takes care of it."""
        entry = self._entry()
        if entry is None:
            return

        def take(name: str) -> None:
            body = {"nobody": True} if name == NOBODY else {"user": name} if name else {}
            said = f"{clean(name) or 'you'} {'takes' if name else 'take'} care of {where(entry)}"
            self._post(entry, "assign", body, said)

        self.ask_line(" who (empty: you, nobody) ", str(entry.get("assigned_to") or ""), take)

    def do_close(self) -> None:
        """Take it out, because nothing will run that could recover."""
        entry = self._entry()
        if entry is None:
            return
        from wingman_tui.screens.confirm import ConfirmDialog

        def answered(confirmed: bool | None) -> None:
            if confirmed:
                self._post(entry, "close", {}, f"{where(entry)} is closed")

        dialog = ConfirmDialog(
            f"Close {where(entry)}?",
            "It leaves the inbox without having recovered, and comes back when it fails again.",
            keep="keep it", do="close it",
        )  # fmt: skip
        self.console_app.push_screen(dialog, answered)

    def do_retry(self) -> None:
        """Retry the newest execution of it."""
        execution = self._meant()
        if execution is None:
            return
        app, name = self.console_app, f"{clean(str(execution['flow']))}#{execution['number']}"
        request = app.session.act(str(execution["id"]), "retry")
        app.carry_out(request, lambda _: app.tell(f"retrying {name}", "good"))

    def do_notes(self) -> None:
        """Read what was found out about it, and write more."""
        execution, row = self._meant(), self.selected()
        if execution is not None and row is not None:
            from wingman_tui.screens.notes import open_notes

            open_notes(self.console_app, execution, row.get("step"))

    def command_facts(self) -> dict[str, str]:
        """The selected entry or delivery, and its newest execution."""
        row, execution = self.selected(), self.current()
        if row is None:
            return {}
        state = row.get("state") if self.tab == "failures" else ""
        return {
            **(of_execution(execution) if execution is not None else {}),
            "list": "alerts" if self.tab == "alerts" else "inbox",
            "id": str(row["id"]),
            "until": "--undo" if state == "snoozed" else "2h",
            "undo_ack_": " --undo" if state == "acknowledged" else "",
        }
