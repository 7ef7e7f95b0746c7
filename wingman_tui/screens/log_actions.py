"""What can be done with the log of the opened execution: follow, freeze, wrap, levels.

Mixed into the execution's screen, which owns the pane and says which steps are meant. What is
looked for in it is `log_looking`'s.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from wingman_tui.log_choice import LogChoice
from wingman_tui.screens.levels import Levels
from wingman_tui.screens.log_looking import LogLooking
from wingman_tui.widgets.log_pane import LogPane

TAIL_LINES = 200
PAGE_LINES = 500
BURST_LINES = 50  # of one update: the screen shows no more, the rest is fetched when looked for


class LogActions(Levels, LogLooking):
    """Mixed into a screen with a log pane."""

    _log_window: int | None = None
    _tail_came: Callable[[], None] = staticmethod(lambda: None)  # keys are held until then

    # windows

    def show_log(self, choice: LogChoice) -> None:
        """Show other lines, and search among these; of the same steps, around the same line."""
        pane = self.log_pane
        if choice == pane.choice:
            return
        self.stay_at(pane.reading() if choice.steps == pane.choice.steps else None)
        pane.show(choice)
        self.open_log()
        self.open_search()

    def open_log(self) -> None:
        """Open the window on the end of the chosen lines."""
        feed, pane, old = self.console_app.session.feed, self.log_pane, self._log_window
        self._log_window = feed.open(
            {
                "window": "log",
                "ref": self.meant,
                "limit": self._first_lines(),
                "burst": self._burst(),
                "before": None,
                **pane.choice.request(),
            },
            self._log_frame,
        )
        if old is not None:
            feed.close(old)  # after it: the engine reads one message after the other

    def close_log(self) -> None:
        """Nobody looks at the log any more."""
        feed = self.console_app.session.feed
        for window in (self._log_window, self._search_window):
            if window is not None:
                feed.close(window)
        self._log_window = self._search_window = None
        self._looking += 1

    def _first_lines(self) -> int:
        """What is held at first: where most lines are left out, each has to be looked for."""
        in_sight = self.log_pane.page * 2
        return in_sight if self.log_pane.choice.leaves_out else max(TAIL_LINES, in_sight)

    def _burst(self) -> int:
        return max(BURST_LINES, self.log_pane.page) if self.log_pane.takes_lines else 0

    def _log_frame(self, frame: dict[str, Any]) -> None:
        if frame.get("kind") == "error":
            self.tell_error(frame)
            return
        self._tail_came()
        if not self.goes_back(frame):
            self.log_pane.apply(frame)
        self.log_changed()

    def log_changed(self) -> None:
        """Other lines are held; a screen may quote them."""

    def on_log_pane_tail_wanted(self, event: LogPane.TailWanted) -> None:
        """The end is followed again."""
        self.open_log()
        if event.by_key and self.console_app.session.is_live:
            self._tail_came()
            self._tail_came = self.console_app.hold_keys()

    def on_log_pane_pressed(self, event: LogPane.Pressed) -> None:
        """A level, or what goes on, was clicked in the title."""
        self.perform(self.console_app.keymap[f"execution.{event.name}"])

    def on_log_pane_paced(self, event: LogPane.Paced) -> None:
        """Lines that nobody looks at need not be sent."""
        if self._log_window is not None:
            self.console_app.session.feed.move(self._log_window, burst=self._burst())

    def on_log_pane_wants(self, event: LogPane.Wants) -> None:
        """Fetch the lines that somebody scrolls to."""
        pane, window = self.log_pane, self.log_pane.window
        cursor = event.before or event.after
        request = self.console_app.session.log_page(
            self.meant,
            before=event.before,
            after=event.after,
            limit=PAGE_LINES,
            **pane.choice.request(),
        )

        def came(answer: dict[str, Any]) -> None:
            lines = answer.get("lines") or []
            if event.before:
                window.take_before(str(cursor), lines, answer.get("before"))
            else:
                window.take_after(str(cursor), lines, bool(answer.get("more")))
            if window is pane.window:
                pane.lines_came()

        self.console_app.carry_out(request, came, window.page_failed)

    # what is shown

    def do_follow(self) -> None:
        """Follow the end of the log, or stay."""
        if self.log_pane.is_following:
            self.log_pane.unfollow()
        else:
            self.log_pane.follow()

    def do_freeze(self) -> None:
        """Hold the log still, or let it go on."""
        self.log_pane.freeze()

    def do_wrap(self) -> None:
        """Break long lines, or cut them again."""
        self.log_pane.wrap()

    def do_colours(self) -> None:
        """Show the steps' own colours, or leave them out."""
        pane = self.log_pane
        pane.shows_colours = not pane.shows_colours
        pane.refresh()
        self.console_app.tell(f"colours of the steps are {'on' if pane.shows_colours else 'off'}")

    def do_page(self) -> None:
        """A page down, as pagers have it."""
        self.log_pane.move("page_down")

    def do_left(self) -> None:
        """The log's beginning of line."""
        self.log_pane.sideways(-1)

    def do_right(self) -> None:
        """The log's rest of line."""
        self.log_pane.sideways(1)

    def set_level(self, level: str) -> None:
        """Show lines of this level and worse, of the same steps."""
        self.show_log(replace(self.log_pane.choice, level=level))
