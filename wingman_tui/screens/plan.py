"""The plan of a resume as a list: each row can be switched before the execution starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.strip import Strip

from wingman_tui.format import fit, fit_middle
from wingman_tui.sanitise import clean
from wingman_tui.screens.dialog import READING_LIMIT, Dialog, PaintedLine
from wingman_tui.screens.reading import MOVES
from wingman_tui.view import Part
from wingman_tui.widgets.line_list import LineList
from wingman_tui.widgets.painted import Painted

if TYPE_CHECKING:
    from wingman_tui.session import Session

Plan = Mapping[str, Any]
DECISION_CELLS = 12
NAME_CELLS = 24
ROLES = {"reuse": "good", "run": "accent", "invalidated": "warning"}
START, EDIT = "start", "edit"


@dataclass
class Choices:
    """The rows that were switched, as the request wants them."""

    run: set[str] = field(default_factory=set)
    reuse: set[str] = field(default_factory=set)

    def to_json(self) -> dict[str, Any]:
        return {"run": sorted(self.run), "reuse": sorted(self.reuse), "unsafe": bool(self.reuse)}

    def switch(self, row: Mapping[str, Any], *, anyway: bool) -> str:
        """Switch a row; the words of why it cannot be, or nothing."""
        path = row["path"]
        if path in self.run or path in self.reuse:
            self.run.discard(path)
            self.reuse.discard(path)
        elif row["decision"] == "reuse":
            self.run.add(path)
        elif not row["can_reuse"]:
            return f"{path} cannot be reused: {row['because']}"
        elif not anyway:
            return f"{path} is not safe to reuse: {row['because']}; ! reuses it anyway"
        else:
            self.reuse.add(path)
        return ""


class PlanList(LineList):
    """A row a step: what becomes of it, and why."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[Mapping[str, Any]] = []

    def show(self, steps: list[Mapping[str, Any]]) -> None:
        """Another plan; the cursor stays with its step."""
        self.steps = steps
        self.rows_changed()

    def row_count(self) -> int:
        """The steps."""
        return len(self.steps)

    def row_key(self, index: int) -> str | None:
        """A step's path."""
        return self.steps[index]["path"] if 0 <= index < len(self.steps) else None

    def index_of(self, key: str) -> int | None:
        """The row of a path."""
        return next((i for i, step in enumerate(self.steps) if step["path"] == key), None)

    def paint_row(self, index: int, cursor: str) -> Strip:
        """One step."""
        step = self.steps[index]
        names = min(NAME_CELLS, max(cell_len(clean(s["path"])) for s in self.steps))
        mark = self.view.glyph("●", "*") if step["chosen"] else " "
        decision = fit(f"{mark} {step['decision']}", DECISION_CELLS + 2)
        return self.line(
            [
                (decision, ROLES.get(step["decision"], "text")),
                (fit_middle(clean(step["path"]), names), "strong"),
                ("  " + clean(step["because"]), "muted"),
            ],
            cursor,
        )


class NoteLine(Painted):
    """What the last key led to."""

    def __init__(self) -> None:
        super().__init__(classes="line")
        self._parts: list[Part] = []

    def say(self, text: str, role: str = "muted") -> None:
        """Other words."""
        self._parts = [(" " + clean(text), role)]
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """The words."""
        return self.line(self._parts)


class PlanDialog(Dialog[str]):
    """Enter starts it, E edits again, escape leaves; answers START or EDIT."""

    width_limit = READING_LIMIT

    def __init__(self, plan: Plan, body: dict[str, Any], session: Session) -> None:
        """`body` is the request that the plan was made of; switched rows are put into it."""
        super().__init__()
        self._session = session
        self.plan = plan
        self.body = body
        self.choices = Choices()

    def compose(self) -> ComposeResult:
        """The title, the rows, what was said, the keys."""
        self.rows = PlanList()
        self.note = NoteLine()
        with Vertical(classes="box"):
            yield PaintedLine((f"Resume {clean(self.plan['execution'])}", "strong"))
            yield PaintedLine()
            yield self.rows
            yield self.note
            yield PaintedLine()
            yield PaintedLine(
                (" enter ", "chip_on"), (" start it   ", "text"),
                (" space ", "chip_on"), (" switch   ", "text"),
                (" E ", "chip_on"), (" edit   ", "text"),
                (" esc ", "chip_on"), (" leave", "text"),
            )  # fmt: skip

    def on_mount(self) -> None:
        """Show the plan."""
        self.rows.focus()
        self._show(self.plan)

    def rows_needed(self) -> int:
        """Every step, as far as there is room."""
        return len(self.plan["steps"]) + 5

    def _show(self, plan: Plan) -> None:
        self.plan = plan
        self.rows.show(list(plan["steps"]))
        counts = plan["counts"]
        gone = f"; gone: {', '.join(plan['gone'])}" if plan["gone"] else ""
        edited = "" if plan["version"] != plan["old_version"] else "; the flow as it was"
        to_run = counts["run"] + counts["invalidated"]
        self.note.say(f"{counts['reuse']} reused, {to_run} to run{gone}{edited}")

    def on_key(self, event: events.Key) -> None:
        """Move, switch, start, edit again or leave."""
        event.stop()
        if event.key in MOVES:
            self.rows.move(MOVES[event.key])
        elif event.key in ("space", "exclamation_mark"):
            self._switch(anyway=event.key != "space")
        elif event.key == "enter":
            self.dismiss(START)
        elif event.key == "E":
            self.dismiss(EDIT)
        elif event.key in ("escape", "ctrl+c", "q"):
            self.dismiss(None)

    def _switch(self, *, anyway: bool) -> None:
        if not self.rows.steps:
            return
        problem = self.choices.switch(self.rows.steps[self.rows.cursor], anyway=anyway)
        if problem:
            self.note.say(problem, "warning")
            return
        self.body |= self.choices.to_json()
        request = self._session.act(self.plan["id"], "resume/plan", **self.body)
        self.console_app.carry_out(request, self._show, opens=True)
