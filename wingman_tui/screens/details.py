"""Automation › Executions › one › why, timeline, values, definition, diff, events: read in full."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from textual.app import ComposeResult

from wingman_tui import account
from wingman_tui.format import wrap
from wingman_tui.journal import event_lines
from wingman_tui.keymap import Action
from wingman_tui.keys import key_name
from wingman_tui.looks import LIVE_STATES
from wingman_tui.naming import name_of
from wingman_tui.replay import replay_lines
from wingman_tui.sanitise import clean
from wingman_tui.screens.execution_actions import ExecutionActions, hints_for
from wingman_tui.screens.text_mode import TabbedText
from wingman_tui.timeline import timeline_lines
from wingman_tui.widgets.tab_line import TabLine
from wingman_tui.widgets.text_pane import TextPane

if TYPE_CHECKING:
    from wingman_tui.lines import Refused

TABS = ("why", "timeline", "values", "definition", "diff", "events", "replay")
RELOAD_S = 1.0
READING_CELLS = 120  # of sentences; what is in columns takes all
# the action that does what a command does, by its verb
KEYS_OF = {
    "logs": "open", "retry": "retry", "resume": "edit", "rerun": "run", "diff": "diff",
    "approve": "answer", "reject": "answer", "cancel": "cancel", "kill": "kill",
    "pause": "pause", "continue": "pause",
}  # fmt: skip

REPLAYING = (
    "details.next_tab", "details.earlier", "details.later", "details.first_moment",
    "details.last_moment", "details.open", "global.help",
)  # fmt: skip


class DetailsScreen(ExecutionActions, TabbedText):
    """What the engine explains about one execution."""

    SCOPE = "details"
    tab = "why"

    def panes(self) -> ComposeResult:
        """The parts' names above the text."""
        self.pane = TextPane(id="details")
        self._execution: dict[str, Any] | None = None
        self._reference = ""
        self._window: int | None = None
        self._probed: dict[tuple[str, str], dict[str, Any] | None] = {}  # the one last asked for
        self._moment: dict[str, Any] | None = None  # that is replayed, as it came
        self._at: int | None = None  # that was asked for, by its number; None: the newest
        self._reloading = False
        self.tabs = TabLine(TABS, lambda: self.tab, self.open_tab)
        yield self.tabs
        yield self.pane

    def title_words(self) -> tuple[str, ...]:
        """The execution, and the part of it."""
        known = self._execution or self.console_app.executions.row(self._reference)
        name = name_of(known) if known is not None else clean(self._reference)
        return ("Automation", "Executions", name, self.tab.capitalize())

    def current(self) -> dict[str, Any] | None:
        """The execution that is explained."""
        return self._execution

    def on_screen_resume(self) -> None:
        """Explain what was asked for."""
        self.pane.focus()
        self.show()

    def show(self) -> None:
        """Explain what the app refers to now."""
        app = self.console_app
        if app.reference != self._reference:
            self._reference, self._execution = app.reference, None
            self._moment = self._at = None
            self.pane.show(())
        self._close_window()
        self._window = app.session.feed.open(
            {"window": "execution", "ref": self._reference}, self._frame
        )
        self.open_tab(app.details_tab)

    def on_screen_suspend(self) -> None:
        """Nobody looks."""
        self._close_window()

    def _close_window(self) -> None:
        if self._window is not None:
            self.console_app.session.feed.close(self._window)
            self._window = None

    def _frame(self, frame: dict[str, Any]) -> None:
        """The execution has changed: what is explained may be another thing now."""
        execution = frame.get("execution")
        if execution is None:
            return
        was_new = self._execution is None
        was_live = not was_new and (self._execution or {}).get("state") in LIVE_STATES
        self._execution = execution
        self.refresh_frame()
        if (was_live or execution.get("state") in LIVE_STATES) and not self._reloading:
            self._reloading = True
            self.set_timer(RELOAD_S, self._reload)

    def _reload(self) -> None:
        self._reloading = False
        if self.is_current:
            self.load(keep_place=True)

    def open_tab(self, tab: str) -> None:
        """Show another part."""
        self.console_app.details_tab = tab
        super().open_tab(tab)

    def load(self, *, keep_place: bool) -> None:
        tab, reference = self.tab, self._reference
        session = self.console_app.session

        def came(answer: dict[str, Any]) -> None:
            if (tab, reference) == (self.tab, self._reference):
                if tab == "replay":
                    self._moment = answer
                if tab == "why" and answer.get("probe"):
                    answer = self._with_probe(answer)
                self.pane.show(self._lines(tab, answer), keep_place=keep_place)

        def refused(refusal: Refused) -> None:
            if (tab, reference) == (self.tab, self._reference):
                words = wrap(clean(str(refusal)), self.text_width)
                self.pane.show([[(line, "warning")] for line in words])

        if tab == "replay":
            asked = session.replay(reference, self._at)
        else:
            asked = session.explain(reference, tab)
        # the next key goes on from the moment that comes
        self.console_app.carry_out(asked, came, on_refusal=refused, opens=tab == "replay")

    def _with_probe(self, answer: dict[str, Any]) -> dict[str, Any]:
        """The answer with what the failed step's server says, which is asked once a failure."""
        reference = self._reference
        failure = (reference, str(answer["answer"]))
        if failure in self._probed:
            return self._probed[failure] or answer
        self._probed = {failure: None}

        def came(probed: dict[str, Any]) -> None:
            self._probed = {failure: probed}
            if (self.tab, self._reference) == ("why", reference):
                self.pane.show(self._lines("why", probed), keep_place=True)

        self.console_app.carry_out(self.console_app.session.probed(reference), came)
        return answer

    def _lines(self, tab: str, answer: dict[str, Any]) -> list[account.Line]:
        width, view = self.text_width, self.console_app.view
        made: dict[str, Callable[[], list[account.Line]]] = {
            "why": lambda: account.why_lines(
                answer, min(width, READING_CELLS), view.zone, self._keys()
            ),
            "timeline": lambda: timeline_lines(answer, width, view.ascii_only, view.zone),
            "values": lambda: account.values_lines(answer, width),
            "definition": lambda: account.definition_lines(str(answer["text"]), width),
            "diff": lambda: account.diff_lines(answer, width),
            "events": lambda: event_lines(answer["events"], width, view.zone),
            "replay": lambda: replay_lines(answer, width, view.zone, view.ascii_only),
        }
        return made[tab]()

    def _keys(self) -> dict[str, tuple[str, str]]:
        """The keys that do here what a command does, and what they are called."""
        keymap, ascii_only = self.console_app.keymap, self.console_app.view.ascii_only
        actions = {verb: keymap[f"details.{name}"] for verb, name in KEYS_OF.items()}
        return {
            verb: (key_name(action.keys[0], ascii_only), action.label)
            for verb, action in actions.items()
            if action.keys and keymap.offers(action)
        }

    def hints(self) -> Sequence[Action]:
        """What helps with the execution as it is now."""
        keymap = self.console_app.keymap
        if self.tab == "replay":
            return [action for id_ in REPLAYING if (action := keymap[id_]).keys]
        return hints_for(keymap, self.scopes(), self.SCOPE, self._execution or {})

    # actions

    def command_facts(self) -> dict[str, str]:
        """The execution, and the moments around the one that is replayed."""
        moment = self._moment or {}
        places = {"earlier": "previous", "later": "next", "first": "first"}
        near = {name: str(moment.get(key) or "") for name, key in places.items()}
        return {**super().command_facts(), **near}

    def do_earlier(self) -> None:
        """The moment before, in the replay."""
        self._go_to("previous")

    def do_later(self) -> None:
        """The moment after."""
        self._go_to("next")

    def do_first_moment(self) -> None:
        """The begin of the journal."""
        self._go_to("first")

    def do_last_moment(self) -> None:
        """The newest moment; a live execution has another one soon."""
        self._at = None
        self.open_tab("replay")

    def _go_to(self, where: str) -> None:
        """Go to a moment of the journal; what is not known yet is the newest one."""
        if self.tab == "replay" and self._moment is not None:
            if self._moment.get(where) is not None:
                self._at = self._moment[where]
                self.load(keep_place=True)
        else:
            self.open_tab("replay")

    def do_open(self) -> None:
        """The steps and the log of this execution."""
        self.console_app.open_execution(self._reference)

    def do_why(self) -> None:
        """Why it is as it is."""
        self.open_tab("why")

    def do_timeline(self) -> None:
        """Where the time went."""
        self.open_tab("timeline")

    def do_values(self) -> None:
        """Inputs and outputs."""
        self.open_tab("values")

    def do_definition(self) -> None:
        """The flow file that it started with."""
        self.open_tab("definition")

    def do_diff(self) -> None:
        """Against the last good one."""
        self.open_tab("diff")

    def do_events(self) -> None:
        """The journal."""
        self.open_tab("events")
