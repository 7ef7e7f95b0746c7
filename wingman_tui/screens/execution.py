"""One execution opened: its step tree, what is known of the selected step, its live log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from textual import events
from textual.app import ComposeResult
from textual.containers import Container
from textual.widget import Widget

from wingman_tui.columns import name_of
from wingman_tui.sanitise import clean
from wingman_tui.screens.base import ModeScreen
from wingman_tui.screens.execution_actions import ExecutionActions
from wingman_tui.state import ExecutionView
from wingman_tui.steps import ROOT
from wingman_tui.terminal import WIDE_COLUMNS
from wingman_tui.view import Part
from wingman_tui.widgets.line_list import LineList
from wingman_tui.widgets.log_pane import LogPane
from wingman_tui.widgets.step_panel import StepPanel
from wingman_tui.widgets.step_tree import StepTree

LOG_LIMIT = 200
PAGE_LIMIT = 500
LOG_DELAY_S = 0.12  # a cursor that runs down the tree does not ask for every log on its way


class ExecutionScreen(ExecutionActions, ModeScreen):
    """The mode that shows one execution."""

    SCOPE = "execution"

    def panes(self) -> ComposeResult:
        """Tree above log where it is narrow, beside it where it is wide."""
        self.opened = ExecutionView()
        self.tree_pane = StepTree(self.opened, id="tree")
        self.panel = StepPanel(self._selected, self._last_error, id="panel")
        self.log_pane = LogPane(self._open_log, id="log")
        self._reference = ""
        self._windows: list[int] = []
        self._log_window: int | None = None
        self._fresh = True
        with Container(id="panes"):
            yield self.tree_pane
            with Container(id="right"):
                yield self.panel
                yield self.log_pane

    def title_words(self) -> tuple[str, ...]:
        """Where the list was, then the execution's name."""
        execution = self.opened.execution
        name = name_of(execution) if execution is not None else clean(self._reference)
        return ("Automation", "Executions", name)

    def current(self) -> dict[str, Any] | None:
        """The opened execution."""
        return self.opened.execution

    # windows

    def on_screen_resume(self) -> None:
        """Look again at what was opened, or at another one."""
        self.tree_pane.focus()
        self.show(self.console_app.reference)

    def on_screen_suspend(self) -> None:
        """Nobody looks: the engine need not send."""
        self._close_windows()

    def show(self, reference: str) -> None:
        """Open the windows on an execution; its data is shown as it comes."""
        self._close_windows()
        if reference != self._reference:
            self._reference = reference
            self.opened.execution, self.opened.error = None, None
            self.opened.steps.clear()
            self.tree_pane.folded.clear()
            self.tree_pane.cursor_key = None
            self.tree_pane.steps_changed(set(), True)
            self.log_pane.show(None, "debug", "")
            self._fresh = True
        feed = self.console_app.session.feed
        self._windows.append(
            feed.open({"window": "execution", "ref": reference}, self._execution_frame)
        )
        self._open_log()
        self.refresh_frame()

    def _close_windows(self) -> None:
        feed = self.console_app.session.feed
        for window in self._windows:
            feed.close(window)
        self._windows = []
        if self._log_window is not None:
            feed.close(self._log_window)
            self._log_window = None

    def _open_log(self) -> None:
        feed = self.console_app.session.feed
        if self._log_window is not None:
            feed.close(self._log_window)
        pane = self.log_pane
        request = {
            "window": "log",
            "ref": self._reference,
            "step": pane.step,
            "level": pane.level,
            "grep": pane.grep or None,
            "limit": max(LOG_LIMIT, pane.page * 2),
            "before": None,
        }
        self._log_window = feed.open(request, self._log_frame)

    def _execution_frame(self, frame: dict[str, Any]) -> None:
        change = self.opened.apply(frame)
        self.tree_pane.steps_changed(change.rows, change.order or self._fresh)
        if self.opened.error is not None:
            error = self.opened.error
            self.console_app.tell(f"{error.get('message', '')} {error.get('hint', '')}", "error")
        elif self._fresh:
            self._fresh = False
            self._select_first()
        self._fit_tree()
        self.panel.refresh()
        self.refresh_frame()
        self.console_app.frame_came()

    def _select_first(self) -> None:
        """What failed is what one came for; else all of it."""
        failure = self.opened.first_failure()
        if failure is not None and self.tree_pane.reveal(failure):
            self._show_log_of_selection()

    def _log_frame(self, frame: dict[str, Any]) -> None:
        if frame.get("kind") == "error":
            error = frame.get("error") or {}
            self.console_app.tell(f"{error.get('message', '')} {error.get('hint', '')}", "error")
            return
        self.log_pane.apply(frame)
        self.panel.refresh()  # it quotes the last error

    # layout

    def on_resize(self, event: events.Resize) -> None:
        """The tree takes what it needs, and leaves the log most of the rest."""
        self._fit_tree()

    def _fit_tree(self) -> None:
        """In the narrow layout, as many lines as the tree has rows, within its share."""
        room = self.app.size.height - 3
        if self.app.size.width >= WIDE_COLUMNS:
            height: int | str = "100%"
        else:
            height = max(3, min(self.tree_pane.row_count(), room * 2 // 5))
        if getattr(self, "_tree_height", None) != height:
            self._tree_height = height
            self.tree_pane.styles.height = height

    # the selection

    def _selected(self) -> tuple[str, dict[str, Any] | None]:
        key = self.tree_pane.cursor_key or ROOT
        if key == ROOT:
            return ROOT, self.opened.execution
        return key, self.opened.steps.get(key)

    def _last_error(self, path: str) -> str:
        """What a step said last, where its log is at hand."""
        return self.log_pane.window.last_error(path)

    def on_line_list_moved(self, event: LineList.Moved) -> None:
        """Another step is selected: its figures at once, its log when the cursor rests."""
        self.panel.refresh()
        self.set_timer(LOG_DELAY_S, self._show_log_of_selection)

    def _show_log_of_selection(self) -> None:
        key = self.tree_pane.cursor_key or ROOT
        step = key if key in self.opened.steps else None
        if step != self.log_pane.step:
            self.log_pane.show(step, self.log_pane.level, self.log_pane.grep)
            self._open_log()

    def on_line_list_chosen(self, event: LineList.Chosen) -> None:
        """A step clicked twice: its log."""
        self.do_open()

    def on_log_pane_wants(self, event: LogPane.Wants) -> None:
        """Fetch the lines that somebody scrolls to."""
        pane, window = self.log_pane, self.log_pane.window
        cursor = event.before or event.after
        request = self.console_app.session.log_page(
            self._reference,
            step=pane.step,
            level=pane.level,
            grep=pane.grep or None,
            before=event.before,
            after=event.after,
            limit=PAGE_LIMIT,
        )

        def came(answer: dict[str, Any]) -> None:
            lines = answer.get("lines") or []
            if event.before:
                window.take_before(str(cursor), lines, bool(answer.get("before")))
            else:
                window.take_after(str(cursor), lines, bool(answer.get("after")))
            if window is pane.window:
                pane.lines_came()

        self.console_app.carry_out(request, came, window.page_failed)

    # painting

    def inner_scopes(self) -> tuple[str, ...]:
        """Keys mean what the focused pane says first."""
        return ("log",) if self.focused is self.log_pane else ("tree",)

    def movable(self) -> Widget | None:
        """The focused pane."""
        return self.focused or self.tree_pane

    def about(self) -> Sequence[Part]:
        """Nothing, unless something happened."""
        return ()

    def tick(self) -> bool:
        """Count the durations of what runs."""
        return self.tree_pane.tick()

    # actions

    def do_pane(self) -> None:
        """Move between tree and log."""
        (self.tree_pane if self.focused is self.log_pane else self.log_pane).focus()
        self.refresh_frame()

    def do_open(self) -> None:
        """Go to the log of the selected step."""
        self._show_log_of_selection()
        self.log_pane.focus()
        self.refresh_frame()

    def do_back(self) -> None:
        """Out of the search, out of the log, out of the execution."""
        if self.leave_filter():
            return
        if self.focused is self.log_pane:
            self.do_pane()
            return
        self.console_app.back()

    def do_fold(self) -> None:
        """Fold or unfold a group."""
        if not self.tree_pane.toggle_fold():
            self.console_app.tell("nothing to fold here: the step has no steps of its own")
        self._fit_tree()

    def do_follow(self) -> None:
        """Follow the end of the log, or stay."""
        if self.log_pane.is_following:
            self.log_pane.unfollow()
        else:
            self.log_pane.follow()

    def do_wrap(self) -> None:
        """Break long lines, or cut them again."""
        self.log_pane.wrap()

    def do_left(self) -> None:
        """The log's beginning of line."""
        self.log_pane.sideways(-1)

    def do_right(self) -> None:
        """The log's rest of line."""
        self.log_pane.sideways(1)

    def _set_level(self, level: str) -> None:
        pane = self.log_pane
        pane.show(pane.step, level, pane.grep)
        self._open_log()

    def do_level_debug(self) -> None:
        """Every line."""
        self._set_level("debug")

    def do_level_info(self) -> None:
        """Info and worse."""
        self._set_level("info")

    def do_level_warning(self) -> None:
        """Warnings and errors."""
        self._set_level("warning")

    def do_level_error(self) -> None:
        """Errors alone."""
        self._set_level("error")

    def do_filter(self) -> None:
        """Ask what the lines must match."""
        self.ask_line(" search the log ", self.log_pane.grep, self.set_grep)

    def set_grep(self, pattern: str) -> None:
        """Show only the lines that match from now on."""
        self.log_pane.show(self.log_pane.step, self.log_pane.level, pattern)
        self._open_log()

    def leave_filter(self) -> bool:
        """Show every line again."""
        if not self.log_pane.grep:
            return False
        self.set_grep("")
        return True

    def do_next_error(self) -> None:
        """The next failed step, or in the log the next error."""
        self._seek(1)

    def do_previous_error(self) -> None:
        """The failed step above, or in the log the error above."""
        self._seek(-1)

    def _seek(self, step: int) -> None:
        if self.focused is self.log_pane:
            if not self.log_pane.jump_to_level("error", step):
                self.console_app.tell("no further error in the lines held; 4 shows all errors")
            return
        places = {self.tree_pane.index_of(path): path for path in self.opened.failed_paths()}
        here = self.tree_pane.cursor
        ahead = [place for place in places if place is not None and (place - here) * step > 0]
        if ahead:
            self.tree_pane.go_to(min(ahead) if step > 0 else max(ahead))
        else:
            self.console_app.tell("no further failed step")
