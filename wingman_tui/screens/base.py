"""What every mode has: the frame of bars, keys looked up in the one table, the prompt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

from textual import events
from textual.app import ComposeResult
from textual.reactive import Reactive
from textual.screen import Screen
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget

from wingman_tui import command_lines, global_actions
from wingman_tui.keymap import Action
from wingman_tui.keys import HINTS_LIMIT
from wingman_tui.terminal import MIN_COLUMNS, MIN_ROWS
from wingman_tui.view import Part
from wingman_tui.widgets.bars import KeyBar, MessageLine, Status, StatusBar
from wingman_tui.widgets.line_edit import LineEdit
from wingman_tui.widgets.painted import Painted
from wingman_tui.widgets.prompt import Completer, Prompt, nothing_offered

if TYPE_CHECKING:
    from wingman_tui.app import WingmanApp

REST_S = 0.12  # longer than a key that is held down takes to come again


class TooSmall(Painted):
    """The one sentence that is shown below the least size."""

    def render_line(self, y: int) -> Strip:
        """The sentence, broken where it must."""
        from wingman_tui.format import wrap

        width, height = self.app.size
        lines = wrap(
            f"Wingman needs {MIN_COLUMNS}x{MIN_ROWS}, this is {width}x{height}. "
            "Make the window larger, or q to quit.",
            max(1, width),
        )
        return self.line([(lines[y], "text")]) if y < len(lines) else self.blank()


class ModeScreen(Screen[None], inherit_bindings=False):
    """One mode: its panes between the status line and the key bar."""

    SCOPE = ""
    # Textual's own paints the whole screen again wherever the focus goes
    focused: Reactive[Widget | None] = Reactive(None, repaint=False)

    def compose(self) -> ComposeResult:
        """The frame, and the mode's own panes in it."""
        yield StatusBar(self._status)
        yield from self.panes()
        yield Prompt()
        yield MessageLine(self.about)
        yield KeyBar(self._hints, self.applies)
        yield TooSmall()

    # what a mode gives

    def panes(self) -> ComposeResult:
        """The panes."""
        raise NotImplementedError

    def title_words(self) -> tuple[str, ...]:
        """Where we are, from the outside in."""
        raise NotImplementedError

    def about(self) -> Sequence[Part]:
        """What the message line says when nothing has happened."""
        return ()

    def inner_scopes(self) -> tuple[str, ...]:
        """The scopes of the focused pane, innermost first."""
        return ()

    def tick(self) -> bool:
        """The clock moved by a second; False when nothing that is visible cares."""
        return False

    def connection_changed(self) -> None:
        """The engine came or went."""
        self.refresh_frame()

    def flows_changed(self) -> None:
        """The list of flows is another one."""

    def leave_filter(self) -> bool:
        """Take a filter off; False when there is none."""
        return False

    # the frame

    @property
    def console_app(self) -> WingmanApp:
        """The app, as what it is."""
        return cast("WingmanApp", self.app)

    def _status(self) -> Status:
        return self.console_app.status(self.title_words())

    def applies(self, action: Action) -> bool:
        """Whether an action does something to what is selected."""
        return True

    def hints(self) -> Sequence[Action]:
        """What is worth knowing of what can be pressed here."""
        return self.console_app.keymap.hints(self.scopes())

    def _hints(self) -> Sequence[Action]:
        """What can be pressed; without an engine first of all what starts one."""
        app = self.console_app
        if self.prompt_is_open:
            return self.query_one(Prompt).hints()
        hints = self.hints()
        session = app.session
        is_missing = not session.is_live and (session.was_live or session.problem)
        if not is_missing or session.server is not None:
            return hints
        start = app.keymap["global.start_engine"]
        return [start, *hints[: HINTS_LIMIT - 2], hints[-1]] if start.keys else hints

    def scopes(self) -> tuple[str, ...]:
        """Where keys are looked up, from the inside out."""
        return (*self.inner_scopes(), self.SCOPE, "list", "global")

    def refresh_frame(self) -> None:
        """Paint the bars again."""
        for kind in (StatusBar, MessageLine, KeyBar):
            for bar in self.query_children(kind):
                bar.refresh()

    def tell(self, text: str, role: str) -> None:
        """Say something in the message line."""
        for line in self.query_children(MessageLine):
            line.tell(text, role)

    # Textual calls these for the base class too: a subclass does not call them again

    def on_screen_resume(self) -> None:
        """What the bars tell may have changed while nobody looked."""
        self.console_app.server_changed()
        self.refresh_frame()

    def forget_message(self) -> None:
        """Take the message away."""
        for line in self.query_children(MessageLine):
            line.forget()

    def on_resize(self, event: events.Resize) -> None:
        """Below the least size, one sentence instead of a broken screen."""
        small = event.size.width < MIN_COLUMNS or event.size.height < MIN_ROWS
        self.set_class(small, "-small")

    def when_resting(self, look: Callable[[], object]) -> None:
        """Do what a moved cursor asks for once it rests: on its way only rows are painted."""
        if self._rest is not None:
            self._rest.stop()
        self._rest = self.set_timer(REST_S, look)

    # keys

    def movable(self) -> Widget | None:
        """The pane that the keys for moving go to."""
        return self.focused

    def on_key(self, event: events.Key) -> None:
        """Look the key up where the focus is, and do what it means."""
        if self.prompt_is_open:
            self._prompt_key(event)
            return
        action = self.console_app.keymap.find(self.scopes(), event.key)
        if action is not None:
            event.stop()
            event.prevent_default()
            self.perform(action)

    def on_key_bar_pressed(self, event: KeyBar.Pressed) -> None:
        """A hint was clicked."""
        if self.prompt_is_open:
            self._prompt_key(events.Key(event.action.keys[0], None))
        else:
            self.perform(event.action)

    def perform_chosen(self, action: Action | None) -> None:
        """Do what was chosen in the palette."""
        if action is not None:
            self.perform(action)

    def perform(self, action: Action) -> None:
        """Do an action; one that changes something needs the engine at the other end."""
        self.forget_message()
        app = self.console_app
        if not app.keymap.offers(action):
            needed, own = action.role, app.keymap.role
            words = f"{action.label} is for the role {needed}; you are {own}"
            if app.session.is_archive:
                words = f"no {action.label}: an exported execution is read-only"
            app.tell(words, "error")
            return
        if action.danger and not app.session.is_live:
            words = f"{action.label} is not possible now: {app.session.link.missing_words}"
            app.tell(words, "error")
            return
        if action.scope == "list":
            target = self.movable()
            if target is not None and hasattr(target, "move"):
                target.move(action.name)
            return
        if action.scope == "global" and action.name != "back":
            getattr(global_actions, f"do_{action.name}")(self.console_app)
        else:
            getattr(self, f"do_{action.name}")()

    def do_back(self) -> None:
        """Take the filter off, else leave the view."""
        if not self.leave_filter():
            self.console_app.back()

    def command_facts(self) -> dict[str, str]:
        """What a command line can be about here: see `command_lines`."""
        row = self.current() if hasattr(self, "current") else None
        return {} if row is None else command_lines.of_execution(row, self._debug_of(row["flow"]))

    def _debug_of(self, flow: object) -> str:
        return str(self.console_app.flows.flows.get(str(flow), {}).get("debug", "off"))

    def command_of(self, action: Action) -> str:
        """The command line that does what an action does here; empty where there is none."""
        facts = self.command_facts()
        return command_lines.command_line(action.id, facts, self.console_app.session.option)

    # the prompt

    @property
    def prompt_is_open(self) -> bool:
        """Whether keys are typed into the prompt."""
        return self._is_prompting

    def ask_line(
        self,
        label: str,
        text: str,
        submit: Callable[[str], None],
        complete: Completer = nothing_offered,
        past: str = "",
        live: Callable[[str], None] | None = None,
        remembers: bool = True,
        example: str = "",
    ) -> None:
        """Open the prompt; lines of the kind `past` come back, and this one is remembered as one.

        `live` sees what is typed so far; it gets the text from before when the prompt is left.
        The `example` is shown as long as nothing is typed.
        """
        if not self.query(Prompt):  # a mode that was opened just now is still being composed
            more = (complete, past, live, remembers, example)
            self.call_later(self.ask_line, label, text, submit, *more)
            return
        prompt = self.query_one(Prompt)
        prompt.live, self._text_before = live, text
        app = self.console_app

        def take(line: str) -> None:
            if past and remembers:
                app.remember_line(past, line)
            submit(line)

        self._focus_before = self.focused
        self._show_prompt(True)
        prompt.begin(label, text, take, complete, app.past_lines.of(past), example)
        prompt.focus()

    def offer_again(self) -> None:
        """More is known of what the line that is being typed could become."""
        for prompt in self.query(Prompt):
            prompt.offer()

    def _show_prompt(self, is_open: bool) -> None:
        # a class on the screen would have every widget in it styled again
        self._is_prompting = is_open
        self.query_one(Prompt).set_class(is_open, "-open")
        self.query_one(MessageLine).set_class(is_open, "-covered")
        self.query_one(KeyBar).refresh()

    def _close_prompt(self) -> None:
        self._show_prompt(False)
        if self._focus_before is not None:
            self._focus_before.focus()

    def _prompt_key(self, event: events.Key) -> None:
        prompt = self.query_one(Prompt)
        event.stop()
        if event.key == "enter":
            self._close_prompt()
            prompt.finish()
        elif event.key in ("escape", "ctrl+c"):
            self._close_prompt()
            if prompt.live is not None:
                prompt.live(self._text_before)
        elif event.key == "tab":
            prompt.take_offer()
        elif event.key in ("up", "down"):
            prompt.recall(-1 if event.key == "up" else 1)

    def on_line_edit_changed(self, event: LineEdit.Changed) -> None:
        """Offer what fits the text now."""
        if isinstance(event.edit, Prompt):
            event.edit.offer()
            if event.edit.live is not None and self.prompt_is_open:
                event.edit.live(event.edit.text.strip())

    _rest: Timer | None = None
    _is_prompting = False
    _focus_before: Widget | None = None
    _text_before = ""
