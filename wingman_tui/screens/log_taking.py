"""What an operator takes away from an execution: its log as a file, a line or an error by copying.

Mixed into the execution's screen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wingman_tui import command_lines
from wingman_tui.format import fit_middle, size
from wingman_tui.inputs import command_of
from wingman_tui.naming import error_line
from wingman_tui.sanitise import clean
from wingman_tui.save_log import file_name, file_offers, in_folder
from wingman_tui.steps import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wingman_tui.log_search import LogSearch
    from wingman_tui.screens.base import ModeScreen as Base
    from wingman_tui.widgets.log_pane import LogPane
else:
    Base = object

NAME_CELLS = 24


class LogTaking(Base):
    """Mixed into the execution's screen."""

    if TYPE_CHECKING:
        log_pane: LogPane
        search: LogSearch

        @property
        def meant(self) -> str:
            """Given by the screen."""

        def current(self) -> Mapping[str, Any] | None:
            """Given by the screen."""

        def selected(self) -> tuple[str, Mapping[str, Any] | None]:
            """Given by the screen."""

        def last_error(self, path: str) -> str:
            """Given by the screen."""

        def do_copy(self) -> None:
            """Given by the screen."""

    _not_saved = ("", "")  # the execution, and the name that its log could not be saved as

    def command_facts(self) -> dict[str, str]:
        """The execution, its caller, and what is shown of its log."""
        execution = self.current()
        if execution is None:
            return {}
        caller = (execution.get("parent") or {}).get("execution")
        return {
            **super().command_facts(),
            **command_lines.of_log(self.log_pane.choice, self.search.pattern),
            "caller": str(caller or ""),
            "file": command_lines.quoted(self._file_for(execution)),
        }

    def _file_for(self, execution: Mapping[str, Any]) -> str:
        choice = self.log_pane.choice
        level = choice.level if choice.level != "debug" else ""
        return file_name(execution["flow"], execution["number"], *choice.steps[:1], level)

    def do_save(self) -> None:
        """Ask for a file's name."""
        execution = self.current()
        if execution is None:
            self.console_app.tell("there is nothing to save yet", "warning")
            return
        what = fit_middle(clean(self.log_pane.choice.name), NAME_CELLS).strip()
        label, name = f" save the log of {what} as ", self._file_for(execution)
        before, kept = self._not_saved
        name = kept if before == self.meant else name
        self.ask_line(label, name, self.save_as, file_offers)

    def save_as(self, name: str, replace: bool = False) -> None:
        """Save all of the chosen lines, asking before a file is replaced; a folder takes it."""
        execution = self.current()
        if not name or execution is None:
            return
        self._not_saved = (self.meant, name)  # to be mended, until it is saved
        name = in_folder(name, self._file_for(execution))
        choice = self.log_pane.choice
        request = self.console_app.session.save_log(
            self.meant, name, replace, prefix=not choice.is_single, **choice.request()
        )
        self.console_app.tell(f"saving {name} …")

        def saved(answer: dict[str, Any]) -> None:
            if answer.get("is_there"):
                self._ask_to_replace(name)
                return
            self._not_saved = ("", "")
            path, size_bytes = answer["path"], answer["size_bytes"]
            self.console_app.tell(f"saved {size(size_bytes)} to {path}", "good")

        self.console_app.carry_out(request, saved)

    def _ask_to_replace(self, name: str) -> None:
        from wingman_tui.screens.confirm import ConfirmDialog

        dialog = ConfirmDialog(
            f"Replace {clean(name)}?",
            "A file of this name is there already; what it holds is lost.",
            keep="leave it as it is",
            do="replace it",
        )

        def answered(confirmed: bool | None) -> None:
            if confirmed:
                self.save_as(name, replace=True)
            else:
                self.console_app.tell("not saved")

        self.console_app.push_screen(dialog, answered)

    def do_copy_error(self) -> None:
        """The selected step's error; without one, what the execution is called."""
        key, row = self.selected()
        error = (row or {}).get("error")
        if not error:
            self.do_copy()
            return
        said = clean(self.last_error(key))
        lines = [error_line({**error, "step": error.get("step") or key}), said]
        self.console_app.copy("\n".join(line for line in lines if line), "the error")

    def do_copy_step(self) -> None:
        """What the selected step runs, to try it by hand."""
        key, step = self.selected()
        execution = self.current()
        app = self.console_app
        if execution is None or step is None or key == ROOT:
            app.tell("no step is selected: go down to one first", "warning")
            return

        def came(plan: dict[str, Any]) -> None:
            text = command_of(plan, key)
            if text:
                app.copy(text, f"what {clean(key)} runs")
            else:
                app.tell(f"{clean(key)} runs no command", "warning")

        app.carry_out(app.session.plan_of(execution), came)

    def do_copy_lines(self) -> None:
        """The marked line, else the lines in sight."""
        marked = self.log_pane.marked_line()
        lines = [marked] if marked is not None else self.log_pane.visible_lines()
        text = "\n".join(clean(str(line.get("text", ""))) for line in lines)
        what = "the marked line" if marked is not None else f"{len(lines)} lines"
        self.console_app.copy(text, what)
