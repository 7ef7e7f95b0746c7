"""The console's app: modes, theme, the one session, and what every screen asks of it."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from datetime import tzinfo
from typing import TYPE_CHECKING, Any, ClassVar

from wingman_tui.action import ROLES
from wingman_tui.asking import Asking
from wingman_tui.busy import Busy
from wingman_tui.choices import Choices, first_palette
from wingman_tui.format import rate_words
from wingman_tui.global_actions import do_redraw
from wingman_tui.kept import Kept
from wingman_tui.keyboard import PatientDriver
from wingman_tui.keys import Keymap
from wingman_tui.merged import Merged
from wingman_tui.modes import MODES
from wingman_tui.notifying import Notifying
from wingman_tui.past_lines import PastLines
from wingman_tui.sanitise import clean
from wingman_tui.screenio import CellDiff
from wingman_tui.state import ExecutionsWindow, FlowList
from wingman_tui.terminal import WIDE_COLUMNS, Terminal, watch_for_hangup
from wingman_tui.top_line import connection_words, host_words, is_read_only, server_words
from wingman_tui.view import View
from wingman_tui.watching import Watching
from wingman_tui.widgets.bars import Status
from wingman_tui.widgets.live_table import LiveTable

if TYPE_CHECKING:
    from engine.client.console import Home
    from wingman_tui.early import EarlyLook
    from wingman_tui.link import Link
    from wingman_tui.screens.base import ModeScreen
    from wingman_tui.screens.details import DetailsScreen
    from wingman_tui.screens.execution import ExecutionScreen
    from wingman_tui.settings import Settings

TICK_S = 1.0
EXIT_BY_SIGNAL = 128


class WingmanApp(Asking, Choices, CellDiff, inherit_bindings=False):
    """The console."""

    ENABLE_COMMAND_PALETTE = False
    CSS_PATH = "styles/console.tcss"
    MODES: ClassVar[dict[str, Any]] = MODES
    DEFAULT_MODE = "executions"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE_COLUMNS, "-wide")]  # noqa: RUF012 - Textual's own name

    def __init__(
        self,
        home: Home,
        settings: Settings,
        terminal: Terminal,
        *,
        reference: str = "",
        early: EarlyLook | None = None,
        clock: Callable[[], float] = time.time,
        zone: tzinfo | None = None,
        host: str | None = None,
    ) -> None:
        """`reference` is an execution to open at once; `clock`, `zone`, `host` are for tests."""
        self.settings = settings
        self.keymap = Keymap(settings.keys)
        self.kept = Kept(home.text("data") + "/console-kept.json")
        palette = first_palette(settings, self.kept, terminal.no_color)
        # without this, NO_COLOR makes Textual paint black on black
        super().__init__(PatientDriver, ansi_color=True if terminal.no_color else None)
        self.animation_level = "none"
        ascii_only = terminal.ascii_only if settings.ascii is None else settings.ascii
        self.view = View(palette, ascii_only, clock, zone)
        self.begin_with_palette()
        self.flows = FlowList()
        self.reference = reference
        self.details_tab = "why"
        self.system_tab = ""  # that the system's mode opens with
        self.host = os.uname().nodename.partition(".")[0] if host is None else host
        self.home = home
        self.drafts: dict[str, str] = {}  # edited definitions by the execution that they mend
        self.past_lines = PastLines(home.text("data") + "/console-lines.json")
        self._history: list[str] = []
        self._flows_window: int | None = None
        self._flows_of: Link | None = None
        self.interrupted_at = 0.0  # when ctrl+c was pressed last
        self._told_rate = ""  # of a server far away, as the top line tells it
        from wingman_tui.session import Session

        self.session = Session(home, self.connection_changed, early)
        names = [link.name for link in self.session.links]
        self.executions: ExecutionsWindow | Merged = (
            Merged(names) if self.session.is_several else ExecutionsWindow()
        )
        self.watching, self.busy = Watching(self), Busy(self)
        self.notifying = Notifying(self)

    # life

    def on_mount(self) -> None:
        """What takes time waits for the first paint."""
        self._ticker = self.set_interval(TICK_S, self._tick, pause=True)
        self._catch_signals()
        self.app_resume_signal.subscribe(self, lambda _: do_redraw(self))
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        self._look_at_flows()
        self.watching.look()
        self.busy.look()
        self.notifying.look()
        if self.reference:
            self.open_execution(self.reference)
        self.run_worker(self.session.run(), name="session", exit_on_error=True)
        self.run_worker(self.past_lines.load, thread=True)

    def _look_at_flows(self) -> None:
        """Hold the flows of the server that is meant."""
        feed = self.session.feed
        if self._flows_window is not None:
            feed.close(self._flows_window)
            self.flows.apply({"flows": []})
            self.flows.loaded = False
        self._flows_of = self.session.link
        self._flows_window = feed.open({"window": "flows"}, self._flows_frame)

    def on_unmount(self) -> None:
        """Leave the terminal as it was."""
        self.notifying.close()

    def _catch_signals(self) -> None:
        if self.is_headless:
            return
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self.exit, EXIT_BY_SIGNAL + number)

        def hang_up() -> None:
            loop.call_soon_threadsafe(self.exit, EXIT_BY_SIGNAL + signal.SIGHUP)

        watch_for_hangup(hang_up)

    def _fatal_error(self) -> None:
        """Leave after a fault of ours: the traceback goes to a file, one line to the person."""
        import traceback

        path = self.home.text("logs") + "/console-fault.log"
        error = self._exception
        text = "".join(traceback.format_exception(error)) if error else ""
        try:
            with open(path, "a", encoding="utf-8", errors="replace") as file:
                file.write(text)
        except OSError:
            path = "nowhere: " + str(error)
        kind = type(error).__name__
        self._exit_renderables.append(
            f"wingman: the console failed ({kind}); the engine and its executions go on. "
            f"The details are in {path}"
        )
        self._close_messages_no_wait()

    # where we are

    @property
    def mode_screen(self) -> ModeScreen:
        """The mode's screen under any dialog."""
        from wingman_tui.screens.base import ModeScreen

        screen = self.screen_stack[0]
        assert isinstance(screen, ModeScreen)
        return screen

    @property
    def shown(self) -> ModeScreen | None:
        """The mode's screen, once it is made: what comes from outside may come before."""
        screen = self.mode_screen if self.screen_stack else None
        return screen if screen is not None and screen.is_mounted else None

    def go(self, mode: str) -> None:
        """Show a mode; `back` returns."""
        if mode == self.current_mode:
            return
        if self._flows_of is not self.session.link:
            self._look_at_flows()  # the other modes are about one server
        if mode in self._history:
            del self._history[self._history.index(mode) :]
        else:
            self._history.append(self.current_mode)
        self.switch_mode(mode)

    def back(self) -> bool:
        """Return to where we came from; False at the root."""
        if self.current_mode == self.DEFAULT_MODE:
            return False
        self.switch_mode(self._history.pop() if self._history else self.DEFAULT_MODE)
        return True

    @property
    def came_from(self) -> str:
        """The mode that `back` returns to."""
        return self._history[-1] if self._history else self.DEFAULT_MODE

    def open_execution(self, reference: str) -> None:
        """Open one execution by id or any other reference."""
        self.reference = reference
        if self.current_mode != "execution":
            self.go("execution")
        elif self.shown is not None:  # else it shows the reference once it is composed
            screen: ExecutionScreen = self.screen_stack[0]  # type: ignore[assignment]
            screen.show(reference)

    def open_details(self, reference: str, tab: str) -> None:
        """Explain one execution: why, timeline, values, definition, diff or events."""
        self.reference, self.details_tab = reference, tab
        if self.current_mode != "details":
            self.go("details")
        elif self.shown is not None:
            screen: DetailsScreen = self.screen_stack[0]  # type: ignore[assignment]
            screen.show()

    # the line to the engine

    def connection_changed(self) -> None:
        """The connection came or went."""
        self.show_early_rows()
        self.server_changed()
        self._ticker.resume()
        if (screen := self.shown) is not None:
            screen.connection_changed()
        if trouble := self.session.link.trouble:
            self.tell(trouble, "error")

    def mean_server(self, name: str) -> None:
        """What is asked goes to this server from now on; its role is what keys are offered by."""
        if self.session.mean(name):
            self.server_changed()
            self.refresh_status()

    def server_changed(self) -> None:
        """Another server is meant, or what is known of it is new: its role, whether it is there."""
        self.keymap.role = self.session.link.role or (
            ROLES[-1] if self.session.is_several else self.keymap.role
        )
        stale = not self.session.is_live and self.session.was_live
        if self.session.is_several and self.current_mode == self.DEFAULT_MODE:
            stale = False  # there each row tells for itself
        if stale != self.view.stale:
            self.view.change(stale=stale)
            if not stale and (screen := self.shown) is not None:
                screen.forget_message()  # that nothing was possible is over
            self.repaint()

    def show_early_rows(self) -> None:
        """Until the feed has answered, show what was asked for before it."""
        early = self.session.early
        frame = early.snapshot() if early is not None else None
        held = self.executions
        is_wanted = not (held.loaded or held.is_asked)  # another list may be asked for already
        if frame is not None and not isinstance(held, Merged) and is_wanted:
            held.apply(frame)
            for table in self.query("#executions").results(LiveTable):
                table.rows_changed()

    def status(self, title: tuple[str, ...]) -> Status:
        """What the top line tells, for a screen of this title."""
        session = self.session
        return Status(
            host=host_words(session, self.host),
            title=title,
            connection=connection_words(session, self.view, self._told_rate),
            server=server_words(session),
            production=session.link.is_production,
            read_only=is_read_only(session),
            counts=self.executions.counts,
            # where the gauges are, one in steps of a twentieth would contradict them
            shares={} if self.current_mode == "machine" else self.busy.of(session.link),
            debugged=[clean(name) for name in self.flows.debugged()],
        )

    def _flows_frame(self, frame: dict[str, Any]) -> None:
        change = self.flows.apply(frame)
        if (change.rows or change.order) and (screen := self.shown) is not None:
            self.refresh_status()
            screen.flows_changed()

    def refresh_status(self) -> None:
        """Paint the frame of the visible screen again."""
        if (screen := self.shown) is not None:
            screen.refresh_frame()

    def frame_came(self) -> None:
        """New data: durations may have to be counted again."""
        self._ticker.resume()

    def _tick(self) -> None:
        if (screen := self.shown) is None:
            return
        all_live = all(link.is_live for link in self.session.links)
        busy = screen.tick() and self.session.is_live
        if (rate := rate_words(self.session.bytes_s)) != self._told_rate:
            self._told_rate = rate
            self.refresh_status()
        busy = busy or bool(rate)
        if not all_live:
            self.refresh_status()
            busy = True
        if not busy:
            self._ticker.pause()

    # doing

    def tell(self, text: str, role: str = "text") -> None:
        """Say something in the message line."""
        if (screen := self.shown) is not None:
            screen.tell(clean(text), role)

    def remember_line(self, kind: str, line: str) -> None:
        """Keep a line that was typed, for this console and the next."""
        if self.past_lines.add(kind, line):
            self.run_worker(self.past_lines.save, thread=True)

    def copy(self, text: str, what: str) -> None:
        """Put a text on the terminal's clipboard, and into a file; `what` says it in a word."""
        from wingman_tui import clipboard

        path = self.home.text("run") + "/copied"
        data = clipboard.sequence(text) if self.settings.clipboard is not False else ""
        self.write_aside(data)

        async def keep() -> None:
            try:
                await asyncio.to_thread(clipboard.keep, path, text)
            except OSError as error:
                self.tell(f"{path} cannot be written: {error.strerror}", "error")
                return
            self.tell(f"copied {what}" if data else f"{what} is in {path}", "good")

        self.run_worker(keep(), exit_on_error=True)
