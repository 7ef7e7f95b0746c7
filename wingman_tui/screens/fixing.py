"""From a failed execution to a proved fix: edit its definition, see the plan, start, save.

Called by the action `edit` of an execution. The text is kept until its execution has started, so
that nothing that was typed is lost to a mistake, an escape or a lost engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wingman_tui.editor import EditorProblem, edit
from wingman_tui.format import wrap
from wingman_tui.looks import LIVE_STATES
from wingman_tui.naming import name_of
from wingman_tui.sanitise import clean
from wingman_tui.view import Part

if TYPE_CHECKING:
    from wingman_tui.app import WingmanApp
    from wingman_tui.lines import Refused
    from wingman_tui.session import Session

Row = Mapping[str, Any]
SIGNS = {"+": "good", "-": "error", "@": "accent"}


def edit_and_resume(app: WingmanApp, execution: Row) -> None:
    """Open the definition of an execution that has ended in the operator's editor."""
    if execution.get("state") in LIVE_STATES:
        app.tell(
            f"{name_of(execution)} is {execution.get('state')}: cancel it first (x)", "warning"
        )
        return
    fixing = Fixing(app, execution)
    kept = app.drafts.get(fixing.id)
    if kept is not None:
        fixing.edit(kept)
        return
    request = fixing.session.explain(fixing.id, "definition")
    app.carry_out(request, lambda answer: fixing.edit(answer["text"]), opens=True)


class Fixing:
    """One execution on its way to a fix."""

    def __init__(self, app: WingmanApp, execution: Row) -> None:
        self.app = app
        self.execution = execution
        self.id = str(execution["id"])
        self.session = app.session.bound()  # whatever is selected meanwhile

    def edit(self, text: str) -> None:
        """Let the operator change the text, then look at what it leads to."""
        name = clean(str(self.execution.get("flow") or "flow")).replace("/", "_")
        try:
            text = edit(self.app, text, f"{name}.yaml")
        except EditorProblem as problem:
            self.app.tell(str(problem), "error")
            return
        self.app.drafts[self.id] = text
        body: dict[str, Any] = {"text": text, "label": f"{name}.yaml"}
        request = self.session.act(self.id, "resume/plan", **body)
        self.app.carry_out(
            request,
            lambda plan: self._show_plan(plan, body),
            on_refusal=self._show_problems,
            opens=True,
        )

    def _show_problems(self, refusal: Refused) -> None:
        """What is wrong with the text, a line each; the text is kept."""
        from wingman_tui.screens.reading import ReadingDialog

        def lines(room: int) -> list[list[Part]]:
            set_: list[list[Part]] = []
            for row in str(refusal).splitlines():
                head, *rest = wrap(clean(row), max(20, room - 2)) or [""]
                set_ += [[(head, "text")], *([(f"  {more}", "muted")] for more in rest)]
            return set_

        title = f"{name_of(self.execution)} cannot be resumed like this"
        dialog = ReadingDialog(title, lines, {"E": "edit again"})

        def answered(key: str | None) -> None:
            if key == "E":
                self.edit(self.app.drafts[self.id])
            else:
                self.app.tell("the text is kept: E opens it again")

        self.app.push_screen(dialog, answered)

    def _show_plan(self, plan: Row, body: dict[str, Any]) -> None:
        from wingman_tui.screens.plan import EDIT, START, PlanDialog

        names = list(self.execution.get("inputs") or {})
        dialog = PlanDialog(plan, body, self.session, names)

        def answered(answer: str | None) -> None:
            if answer == EDIT:
                self.edit(self.app.drafts[self.id])
            elif answer == START:
                self._start({**dialog.body, "version": plan["version"]})
            else:
                self.app.tell("nothing was started; the text is kept: E opens it again")

        self.app.push_screen(dialog, answered)

    def _start(self, body: dict[str, Any]) -> None:
        self.app.tell(f"resuming {name_of(self.execution)} …")
        request = self.session.act(self.id, "resume", **body)
        self.app.carry_out(
            request, self._started, on_refusal=self._show_problems, opens=True
        )

    def _started(self, started: dict[str, Any]) -> None:
        self.app.drafts.pop(self.id, None)
        self.app.mean_server(self.session.link.name)
        self.app.open_execution(name_of(started))  # by what people call it, also before it is there
        self.app.tell(f"started {name_of(started)}, resumed from {name_of(self.execution)}", "good")
        Proving(self.app, started, self.session).watch()


class Proving:
    """Waits for the end of a resumed execution, and offers to save the fix that it has proved."""

    def __init__(self, app: WingmanApp, started: Row, session: Session) -> None:
        self.app = app
        self.id = str(started["id"])
        self.session = session
        self.name = name_of(started)
        self._window: int | None = None

    def watch(self) -> None:
        """Look at the execution until it has ended."""
        request = {"window": "execution", "ref": self.id}
        self._window = self.session.feed.open(request, self._frame, self.session.link)

    def _frame(self, frame: dict[str, Any]) -> None:
        state = (frame.get("execution") or {}).get("state")
        if state is None or state in LIVE_STATES or self._window is None:
            return
        self.session.feed.close(self._window)
        self._window = None
        if state == "completed":
            self.app.carry_out(self.session.explain(self.id, "fix"), self._offer)

    @property
    def _where(self) -> str:
        """The server whose file it is, where that is another one than this machine's."""
        link = self.session.link
        mark = " (PRODUCTION)" if link.is_production else ""
        return f" on {clean(link.name)}{mark}" if link.server is not None else mark

    def _offer(self, fix: dict[str, Any]) -> None:
        from wingman_tui.screens.reading import ReadingDialog

        if not fix["can_save"]:
            if fix["diff"]:
                self.app.tell(f"not saved: {fix['reason']}; {fix['hint']}", "warning")
            return
        lines: list[list[Part]] = [
            [(clean(fix["path"]), "muted")], [],
            *([(clean(row), SIGNS.get(row[:1], "text"))] for row in fix["diff"]),
        ]  # fmt: skip
        title = f"{self.name} completed. Save the fix into the flow's file{self._where}?"
        dialog = ReadingDialog(title, lambda room: lines, {"y": "save it"})

        def answered(key: str | None) -> None:
            if key == "y" and self.session.link.is_production:
                self._ask_why()
            elif key == "y":
                self._save("")

        self.app.push_screen(dialog, answered)

    def _ask_why(self) -> None:
        """What is changed in production is changed for a reason, which the audit keeps."""
        screen = self.app.mode_screen

        def reasoned(text: str) -> None:
            if text:
                self._save(text)
            else:
                words = "nothing is saved in production without a reason; esc leaves"
                self.app.tell(words, "warning")
                self.app.call_later(self._ask_why)

        screen.ask_line(" save it why? ", "", reasoned, past="reasons")

    def _save(self, reason: str) -> None:
        self.app.carry_out(
            self.session.act(self.id, "fix", reason=reason),
            lambda saved: self.app.tell(f"saved into {saved['path']}", "good"),
        )
