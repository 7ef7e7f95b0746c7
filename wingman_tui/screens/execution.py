"""One execution opened: its step tree, what is known of the selected step, its live log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from textual import events
from textual.app import ComposeResult
from textual.containers import Container
from textual.widget import Widget

from wingman_tui.definition import NOWHERE, Definition, Passage
from wingman_tui.figures import Figures
from wingman_tui.keymap import Action
from wingman_tui.lines import Refused, refusal_of
from wingman_tui.log_choice import LogChoice
from wingman_tui.log_search import LogSearch
from wingman_tui.looks import LIVE_STATES
from wingman_tui.naming import name_of
from wingman_tui.panes import Shares, shares
from wingman_tui.placing import UNKNOWN
from wingman_tui.sanitise import clean
from wingman_tui.screens.base import ModeScreen
from wingman_tui.screens.execution_actions import ExecutionActions, hints_for
from wingman_tui.screens.log_actions import LogActions
from wingman_tui.screens.log_taking import LogTaking
from wingman_tui.screens.quoting import Quoting
from wingman_tui.state import ExecutionView
from wingman_tui.steps import ROOT
from wingman_tui.view import Part
from wingman_tui.waiting import asks
from wingman_tui.widgets.divider import Divider
from wingman_tui.widgets.line_list import LineList
from wingman_tui.widgets.log_pane import LogPane
from wingman_tui.widgets.step_panel import StepPanel
from wingman_tui.widgets.step_tree import StepTree

NOTHING_OPEN: dict[str, list[str]] = {"batches": [], "calls": []}
SEARCHING = (
    "execution.next_match", "execution.previous_match", "execution.hide", "execution.search",
    "execution.save", "global.back", "global.help",
)  # fmt: skip
READING = ("pane", "search", "follow", "next_error", "wrap", "save")  # of the log


class ExecutionScreen(Quoting, ExecutionActions, LogActions, LogTaking, ModeScreen):
    """The mode that shows one execution."""

    SCOPE = "execution"
    _awaited: Callable[[], None] | None = None  # keys are held until its steps come

    def panes(self) -> ComposeResult:
        """Tree and details above the log where it is narrow, beside it where it is wide."""
        self.opened = ExecutionView()
        self.figures = Figures()
        self.tree_pane = StepTree(self.opened, id="tree")
        self.definition = Definition(self.console_app, self._definition_came)
        self.panel = StepPanel(
            self.selected, self.last_error, self.figures, self.passage, id="panel"
        )
        self.search = LogSearch()
        self.log_pane = LogPane(self.search, id="log")
        self.reference = ""
        self._shares: Shares | None = None
        self._windows: list[int] = []
        self.quote_nothing()
        self._fresh = True
        self._inside = dict(NOTHING_OPEN)  # whose batches, and whose called steps, are shown
        self._log_child = ""  # what the selected step calls: its log is that one's
        with Container(id="panes"):
            with Container(id="steps"):
                yield self.tree_pane
                yield self.panel
            yield Divider()
            yield self.log_pane

    def title_words(self) -> tuple[str, ...]:
        """Where the list was, then the execution's name."""
        execution = self.opened.execution
        known = execution or self.console_app.executions.row(self.reference)
        name = name_of(known) if known is not None else clean(self.reference)
        return ("Automation", "Executions", name)

    def current(self) -> dict[str, Any] | None:
        """The opened execution."""
        return self.opened.execution

    @property
    def meant(self) -> str:
        """The execution's id, once it is known: `@last` may be another one by now."""
        execution = self.opened.execution
        return str(execution["id"]) if execution is not None else self.reference

    def hints(self) -> Sequence[Action]:
        """What helps with the execution as it is now, in its log what helps to read it."""
        keymap = self.console_app.keymap
        if self.focused is not self.log_pane:
            return hints_for(keymap, self.scopes(), self.SCOPE, self.opened.execution or {})
        if self.search.pattern:
            return [keymap[id_] for id_ in SEARCHING if keymap[id_].keys]
        return keymap.hints(
            self.scopes(), lambda action: action.name in READING or action.scope == "global"
        )

    # windows

    def on_screen_resume(self) -> None:
        """Look again at what was opened, or at another one."""
        if self.console_app.reference != self.reference or self.focused is None:
            self.tree_pane.focus()
        self.show(self.console_app.reference)

    def on_screen_suspend(self) -> None:
        """Nobody looks: the engine need not send, and what is typed is for what covers this."""
        self._close_windows()
        self._release_keys()

    def show(self, reference: str) -> None:
        """Open the windows on an execution; its data is shown as it comes."""
        self._close_windows()
        if reference != self.reference:
            self.reference = reference
            self._inside = dict(NOTHING_OPEN)
            self.opened.execution, self.opened.error = None, None
            self.opened.steps.clear()
            self.figures.clear()
            self.quote_nothing()
            self.tree_pane.forget()
            self.tree_pane.steps_changed(set(), True)
            self.search.end()
            self.log_pane.show(LogChoice())
            self._fresh = True
            self._release_keys()
            if self.console_app.session.may_answer:
                self._awaited = self.console_app.hold_keys()  # they mean its steps
        feed = self.console_app.session.feed
        self._windows.append(
            feed.open(
                {"window": "execution", "ref": reference, **self._inside},
                self._execution_frame,
            )
        )
        self.open_log()
        self.open_search()
        self.refresh_frame()

    def _release_keys(self) -> None:
        """What the keys are meant for is there."""
        if self._awaited is not None:
            self._awaited()

    def _close_windows(self) -> None:
        feed = self.console_app.session.feed
        for window in self._windows:
            feed.close(window)
        self._windows = []
        self.close_log()

    def _execution_frame(self, frame: dict[str, Any]) -> None:
        change = self.opened.apply(frame)
        self.figures.take(self.opened.steps, change.rows, self.console_app.view.now())
        self.tree_pane.steps_changed(change.rows, change.order or self._fresh)
        if self.opened.error is not None:
            self._tell_refused(refusal_of(frame))
        elif self._fresh:
            self._fresh = False
            self._select_first()
        self._release_keys()
        self._tell_end()
        self._look_inside()
        self._follow_call()
        self._fit_tree()
        self.panel.refresh()
        self.refresh_frame()
        self.console_app.frame_came()

    def _tell_refused(self, refusal: Refused) -> None:
        """Say it; where there is nothing to see one stays where one was."""
        app = self.console_app
        if self._fresh and refusal.code == UNKNOWN:
            self.reference = ""
            app.back()
        app.call_later(app.tell, str(refusal), "error")

    def _tell_end(self) -> None:
        """Of what has ended no line comes: the log's end is its end."""
        execution = self.opened.execution
        is_over = execution is not None and execution.get("state") not in LIVE_STATES
        if is_over != self.log_pane.is_over:
            self.log_pane.is_over = is_over
            self.log_pane.repaint_line(0)

    def _select_first(self) -> None:
        """What failed is what one came for; else all of it."""
        failure = self.opened.first_failure()
        if failure is not None and self.tree_pane.reveal(failure):
            self._show_log_of_selection()

    # layout

    def on_resize(self, event: events.Resize) -> None:
        """The tree takes what it needs, and leaves the log most of the rest."""
        self._fit_tree()

    def _fit_tree(self) -> None:
        """Tree, details and log as this screen and this tree have them share it."""
        columns, rows = self.app.size
        reads_log = self.focused is self.log_pane
        new = shares(columns, rows, self.tree_pane.row_count(), reads_log=reads_log)
        if new != self._shares:
            self._shares = new
            self.tree_pane.styles.height = new.tree
            self.panel.styles.height = new.details
            steps = self.query_one("#steps")
            steps.styles.width = "100%" if new.beside is None else new.beside
            steps.styles.height = new.tree + new.details

    def watch_focused(self) -> None:
        """Tree and log share the lines by where one is."""
        if self.is_mounted:
            self._fit_tree()
            self.refresh_frame()

    # the selection

    def selected(self) -> tuple[str, dict[str, Any] | None]:
        key = self.tree_pane.cursor_key or ROOT
        if key == ROOT:
            return ROOT, self.opened.execution
        return key, self.opened.steps.get(key)

    def asking_step(self) -> str | None:
        """The selected step, where it asks something."""
        key, row = self.selected()
        is_own = row is not None and key != ROOT and not row.get("of")
        return key if is_own and row is not None and asks(row) else None

    def noted_step(self) -> str | None:
        """The selected step."""
        key, _ = self.selected()
        return key if not self.opened.steps.get(key, {"of": True}).get("of") else None

    def passage(self, key: str) -> Passage:
        """What the flow's file says of a step; asked for where there is room to show it."""
        if self.opened.execution is None or self.opened.steps.get(key, {}).get("of"):
            return NOWHERE
        self.definition.ask(self.meant)
        return self.definition.passage(key)

    def _definition_came(self) -> None:
        if self.is_mounted:
            self.panel.refresh()

    def on_line_list_moved(self, event: LineList.Moved) -> None:
        """Another step is selected: its figures and its log when the cursor rests."""
        self.when_resting(self._look_at_selection)

    def _look_at_selection(self) -> None:
        self.panel.refresh()
        self._show_log_of_selection()

    def _show_log_of_selection(self) -> None:
        steps, name, is_single = self.tree_pane.selected_steps()
        self.show_log(
            replace(self.log_pane.choice, steps=steps, name=name, is_single=is_single, attempt=None)
        )

    def on_line_list_chosen(self, event: LineList.Chosen) -> None:
        """A step clicked twice: its log."""
        self.do_open()

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
        """Go to the log of the selected step, or to the execution that it calls."""
        child = (self.selected()[1] or {}).get("child")
        if child and self.focused is not self.log_pane:
            self.console_app.open_execution(str(child["execution"]))
            return
        self._show_log_of_selection()
        self.log_pane.focus()
        self.refresh_frame()

    def do_caller(self) -> None:
        """Up to the execution whose step has called this one."""
        parent = (self.opened.execution or {}).get("parent")
        if parent:
            self.console_app.open_execution(str(parent["execution"]))
        else:
            self.console_app.tell("no other execution has called this one")

    def do_back(self) -> None:
        """Out of the search, out of the log, out of the execution."""
        if self.end_search():
            return
        if self.focused is self.log_pane:
            self.do_pane()
            return
        self.console_app.back()

    def do_fold(self) -> None:
        """Fold or unfold a group."""
        if not self.tree_pane.toggle_fold():
            self.console_app.tell("nothing to fold here: the step has no steps of its own")
        self._look_inside()
        self._fit_tree()

    def _look_inside(self) -> None:
        """Have the engine send what is inside of those steps that are open, and of no others."""
        tree = self.tree_pane
        opened = {"batches": tree.opened_batches(), "calls": tree.opened_calls()}
        if opened != self._inside and self._windows:
            self._inside = opened
            self.console_app.session.feed.move(self._windows[0], **opened)

    def _follow_call(self) -> None:
        """The selected step has called an execution: from now on that one's log is meant."""
        key, row = self.selected()
        child = str(((row or {}).get("child") or {}).get("execution", "")) if key != ROOT else ""
        if child != self._log_child:
            self._log_child = child
            if child and self.log_pane.choice.steps == (key,):
                self.open_log()

    def go_to_step(self, words: str) -> None:
        """The step of that path, else the next one below whose path holds the words."""
        paths, here = list(self.opened.steps), self.tree_pane.cursor_key
        below = paths.index(here) + 1 if here in paths else 0
        found = next((p for p in (*paths[below:], *paths[:below]) if words in p), None)
        path = words if words in paths else found
        if path is not None:  # it may be gone since it was typed
            self.tree_pane.reveal(path)
            self.tree_pane.focus()

    def do_next_error(self) -> None:
        """The next failed step, or in the log the next error."""
        self._seek(1)

    def do_previous_error(self) -> None:
        """The failed step above, or in the log the error above."""
        self._seek(-1)

    def _seek(self, step: int) -> None:
        if self.focused is self.log_pane:
            self.look_for_error(step < 0)
            return
        tree, here = self.tree_pane, self.tree_pane.cursor
        places = {path: tree.index_of(path) for path in self.opened.failed_paths()}
        folded = [path for path, place in places.items() if place is None]
        ahead = [place for place in places.values() if place and (place - here) * step > 0]
        if ahead:
            tree.go_to(min(ahead) if step > 0 else max(ahead))
        elif folded and tree.reveal(folded[0]):
            self._look_at_selection()
        elif set(places.values()) <= {here, None}:
            self.console_app.tell("no other step has failed" if places else "no step has failed")
        else:
            self.console_app.tell(f"no failed step {self.other_way(step < 0, 'error')}")
