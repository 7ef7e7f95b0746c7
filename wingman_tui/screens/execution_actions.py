"""What can be done to one execution: the same in the list and in the opened one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from wingman_tui.looks import LIVE_STATES
from wingman_tui.naming import name_of, name_on

if TYPE_CHECKING:
    from wingman_tui.app import WingmanApp
    from wingman_tui.keymap import Action
    from wingman_tui.keys import Keymap
    from wingman_tui.session import Session

Row = Mapping[str, Any]
# what is said once the engine has agreed; the rest is seen in the rows
DONE = {
    "retry": "retrying",
    "cancel": "cancelling",
    "kill": "killing",
    "pause": "no new step starts (p goes on) in",
    "continue": "going on with",
    "approve": "approved what is asked in",
    "reject": "rejected what is asked in",
}
RETRIABLE = frozenset({"failed", "partial", "cancelled"})
# the states in which an action is worth a place in the key bar; the others always are
STATES_OF = {
    "edit": RETRIABLE,  # what has completed, too, but that is seldom meant
    "timeline": frozenset({"completed"}),  # what else is there to see of it
    "cancel": LIVE_STATES,
    "kill": LIVE_STATES,
    "pause": LIVE_STATES,
}


def can_be_retried(execution: Row) -> bool:
    """Whether a retry is possible: it has not ended well, or holds a step for an operator."""
    waits_for = (execution.get("waiting_for") or {}).get("kind")
    return execution.get("state") in RETRIABLE or waits_for == "operator"


def applies_to(execution: Row, name: str) -> bool:
    """Whether an action helps with an execution as it is now."""
    if name == "retry":
        return can_be_retried(execution)
    if name == "answer":
        return (execution.get("waiting_for") or {}).get("kind") in ("approval", "flow")
    if name == "why":
        return execution.get("state") != "completed"
    return name not in STATES_OF or execution.get("state") in STATES_OF[name]


def hints_for(keymap: Keymap, scopes: Sequence[str], own: str, execution: Row) -> list[Action]:
    """What helps with an execution as it is now; `own` is the scope that is about it."""
    hints = keymap.hints(
        scopes, lambda action: action.scope != own or applies_to(execution, action.name)
    )
    if execution.get("state") != "paused":
        return hints
    return [replace(a, label="continue") if a.id == f"{own}.pause" else a for a in hints]


class ExecutionActions:
    """Mixed into a screen that has a current execution."""

    if TYPE_CHECKING:

        @property
        def console_app(self) -> WingmanApp:
            """Given by the screen."""

    def current(self) -> Row | None:
        """The execution that is meant."""
        raise NotImplementedError

    def _meant(self) -> Row | None:
        execution = self.current()
        if execution is None:
            self.console_app.tell("no execution is selected", "warning")
        return execution

    def do_run(self) -> None:
        """Run its flow again, with its inputs in the form."""
        execution = self._meant()
        if execution is not None:
            from wingman_tui.screens.run_form import open_run_form

            open_run_form(self.console_app, str(execution["flow"]), execution)

    def do_retry(self) -> None:
        """Retry what failed."""
        execution = self._meant()
        if execution is None:
            return
        if not can_be_retried(execution):
            self.console_app.tell(
                f"{name_on(execution)} is {execution.get('state')}: "
                "nothing to retry (r runs it again)",
                "warning",
            )
            return
        self._act(execution, "retry")

    def do_edit(self) -> None:
        """Edit its definition, and resume it with that."""
        execution = self._meant()
        if execution is not None:
            from wingman_tui.screens.fixing import edit_and_resume

            edit_and_resume(self.console_app, execution)

    def do_cancel(self) -> None:
        """Cancel it, after a question."""
        self._ask(
            "cancel",
            "Cancel",
            "Its running steps get SIGTERM, and SIGKILL after their grace; "
            "its `finally` steps still run.",
        )

    def do_kill(self) -> None:
        """Kill it, after a question."""
        self._ask(
            "kill",
            "Kill",
            "Its running steps get SIGKILL at once and cannot tidy up; `finally` steps do not run.",
        )

    def do_pause(self) -> None:
        """Pause it, or let it go on."""
        execution = self._meant()
        if execution is None:
            return
        if execution.get("state") == "paused":
            self._act(execution, "continue")
        elif execution.get("state") in LIVE_STATES:
            self._act(execution, "pause")
        else:
            self.console_app.tell(f"{name_on(execution)} has ended: nothing to pause", "warning")

    def do_debug(self) -> None:
        """Switch debug mode of its flow."""
        execution = self._meant()
        if execution is not None:
            toggle_debug(self.console_app, str(execution["flow"]))

    def asking_step(self) -> str | None:
        """The step whose question is meant; None for the first that asks."""
        return None

    def do_answer(self) -> None:
        """Approve or reject what a step asks."""
        execution = self._meant()
        if execution is not None:
            from wingman_tui.screens.approval import open_approval

            open_approval(self.console_app, execution, self.asking_step())

    def do_watch(self) -> None:
        """Be told when its flow fails."""
        execution = self._meant()
        if execution is not None:
            toggle_watch(self.console_app, str(execution["flow"]))

    def noted_step(self) -> str | None:
        """The step that a note is about; None for the execution itself."""
        return None

    def do_notes(self) -> None:
        """Read the notes, and write one."""
        execution = self._meant()
        if execution is not None:
            from wingman_tui.screens.notes import open_notes

            open_notes(self.console_app, execution, self.noted_step())

    def do_runbook(self) -> None:
        """Read its flow's runbook, and edit it."""
        execution = self._meant()
        if execution is not None:
            from wingman_tui.screens.runbook import open_runbook

            open_runbook(self.console_app, execution)

    def _explain(self, tab: str) -> None:
        execution = self._meant()
        if execution is not None:
            self.console_app.open_details(str(execution["id"]), tab)

    def do_why(self) -> None:
        """Why it failed or what it waits for."""
        self._explain("why")

    def do_timeline(self) -> None:
        """Where its time goes."""
        self._explain("timeline")

    def do_values(self) -> None:
        """Its inputs and outputs."""
        self._explain("values")

    def do_definition(self) -> None:
        """The flow file that it started with."""
        self._explain("definition")

    def do_diff(self) -> None:
        """Against the last good one."""
        self._explain("diff")

    def do_events(self) -> None:
        """Its journal."""
        self._explain("events")

    def do_copy(self) -> None:
        """Copy its name."""
        execution = self._meant()
        if execution is not None:
            self.console_app.copy(name_of(execution), name_of(execution))

    def do_copy_command(self) -> None:
        """Copy the command line that shows it."""
        execution = self._meant()
        if execution is not None:
            command = f"wingman show {name_of(execution)}{self.console_app.session.option}"
            self.console_app.copy(command, command)

    def _ask(self, verb: str, title: str, consequence: str) -> None:
        execution = self._meant()
        if execution is None:
            return
        if execution.get("state") not in LIVE_STATES:
            self.console_app.tell(f"{name_on(execution)} has ended: nothing to {verb}", "warning")
            return
        from wingman_tui.screens.confirm import ConfirmDialog

        dialog = ConfirmDialog(
            f"{title} {name_on(execution)}?", consequence, keep="keep it running", do=f"{verb} it"
        )

        session = self.console_app.session.bound()  # what is selected may be another one then

        def answered(confirmed: bool | None) -> None:
            if confirmed:
                self._act(execution, verb, session)

        self.console_app.push_screen(dialog, answered)

    def _act(self, execution: Row, verb: str, session: Session | None = None) -> None:
        app, name = self.console_app, name_on(execution)
        app.tell(f"asking to {verb} {name} …")
        app.carry_out(
            (session or app.session).act(str(execution["id"]), verb),
            lambda _: app.tell(f"{DONE[verb]} {name}", "good"),
        )


def toggle_debug(app: WingmanApp, flow: str, session: Session | None = None) -> None:
    """Switch a flow's debug mode on, or off again, on the server that is meant."""
    meant = (session or app.session).bound()

    def switch(known: Row) -> None:
        mode = "off" if known.get("debug", "off") != "off" else "on"
        words = (
            f"debug mode of {flow}{meant.where} is on: what starts now logs every command"
            if mode == "on"
            else f"debug mode of {flow}{meant.where} is off"
        )
        app.carry_out(meant.set_debug(flow, mode), lambda _: app.tell(words, "good"), opens=True)

    if meant.is_several:  # the flows that are held may be another server's
        app.carry_out(meant.flow(flow), switch)
    else:
        switch(app.flows.flows.get(flow, {}))


def toggle_watch(app: WingmanApp, flow: str) -> None:
    """Be told of a flow's failures, or no longer."""
    if not app.watching.toggle(flow):
        app.tell(f"{flow} is not watched any more")
        return
    bell = "with a bell" if app.settings.bell else "for a bell, too: bell = true in config.toml"
    app.tell(f"you are told in any mode when {flow} fails ({bell})", "good")
