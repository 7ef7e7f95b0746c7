"""The runbook beside an execution: read it, and let $EDITOR keep it up to date."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wingman_tui.editor import EditorProblem, edit
from wingman_tui.naming import name_of
from wingman_tui.sanitise import clean, clean_lines
from wingman_tui.screens.reading import ReadingDialog

if TYPE_CHECKING:
    from wingman_tui.app import WingmanApp

Row = Mapping[str, Any]
EDIT = "e"
LINES_LIMIT = 2000


def open_runbook(app: WingmanApp, execution: Row) -> None:
    """Show what the flow's author says to do when it fails."""
    id_, session = str(execution["id"]), app.session.bound()

    def opened(found: dict[str, Any]) -> None:
        if not found.get("text") and not found.get("path"):
            app.tell(f"{name_of(execution)} has no runbook: add `runbook:` to its flow", "warning")
            return
        text = "\n".join(clean_lines(str(found["text"]), LINES_LIMIT))
        from wingman_tui.markdown import markdown_lines  # only who reads pays for it

        place = clean(str(found.get("path") or "in the flow's file"))
        answers = {EDIT: "edit it"} if found.get("path") else {}
        dialog = ReadingDialog(
            f"Runbook of {name_of(execution)}, {place}",
            lambda room: markdown_lines(text, room),
            answers,
        )
        app.push_screen(dialog, lambda answer: change(found) if answer == EDIT else None)

    def change(found: dict[str, Any]) -> None:
        try:
            text = edit(app, str(found["text"]), os.path.basename(str(found["path"])))
        except EditorProblem as problem:
            app.tell(str(problem), "error")
            return
        if text == found["text"]:
            app.tell("the runbook stays as it was")
            return
        request = session.save_runbook(id_, text, str(found["version"]))
        app.carry_out(request, lambda saved: app.tell(f"saved {clean(saved['path'])}", "good"))

    app.carry_out(session.explain(id_, "runbook"), opened, opens=True)
