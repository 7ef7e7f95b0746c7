"""What can be done with the log of the opened execution: follow, freeze, levels, search.

Mixed into the execution's screen, which owns the pane and says which steps are meant.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from wingman_tui.log_choice import LogChoice
from wingman_tui.log_search import LogSearch
from wingman_tui.widgets.log_pane import LogPane

if TYPE_CHECKING:
    from wingman_tui.screens.base import ModeScreen as Base
else:
    Base = object

TAIL_LINES = 200
PAGE_LINES = 500
AROUND_LINES = 300
BURST_LINES = 50  # of one update: the screen shows no more, the rest is fetched when looked for


class LogActions(Base):
    """Mixed into a screen with a log pane."""

    log_pane: LogPane
    search: LogSearch
    _log_window: int | None = None
    _search_window: int | None = None
    if TYPE_CHECKING:

        @property
        def meant(self) -> str:
            """The execution's id, or how it is called as long as that is not known."""

    _looking = 0  # counts the searches for a next line, so that a late answer is known as such

    # windows

    def show_log(self, choice: LogChoice) -> None:
        """Show other lines, and search among these."""
        if choice != self.log_pane.choice:
            self.log_pane.show(choice)
            self.open_log()
            self._open_search()

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
            self._tell_error(frame)
            return
        self.log_pane.apply(frame)
        self.log_changed()

    def log_changed(self) -> None:
        """Other lines are held; a screen may quote them."""

    def _tell_error(self, frame: dict[str, Any]) -> None:
        error = frame.get("error") or {}
        self.console_app.tell(f"{error.get('message', '')} {error.get('hint', '')}", "error")

    def on_log_pane_tail_wanted(self, event: LogPane.TailWanted) -> None:
        """The end is followed again."""
        self.open_log()

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

    def do_left(self) -> None:
        """The log's beginning of line."""
        self.log_pane.sideways(-1)

    def do_right(self) -> None:
        """The log's rest of line."""
        self.log_pane.sideways(1)

    def _set_level(self, level: str) -> None:
        self.show_log(replace(self.log_pane.choice, level=level))

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

    # searching

    def do_search(self) -> None:
        """Ask what is looked for."""
        self.ask_line(" search the log ", self.search.pattern, self.set_search, past="searches")

    def set_search(self, pattern: str) -> None:
        """Look for a pattern from now on, and go to the nearest line that matches."""
        if not pattern:
            self.end_search()
            return
        self.search.begin(pattern)
        if self.search.hides:
            self.show_log(replace(self.log_pane.choice, grep=pattern))
        self._open_search()
        self.log_pane.refresh()
        self._look(back=self.log_pane.is_following, find=pattern)

    def end_search(self) -> bool:
        """Look for nothing any more; False when nothing was looked for."""
        self._looking += 1
        if not self.search.pattern:
            return False
        self.search.end()
        self._open_search()
        self.show_log(replace(self.log_pane.choice, grep=""))
        self.log_pane.refresh()
        return True

    def do_hide(self) -> None:
        """Show only the lines that match, or the others again."""
        if not self.search.pattern:
            self.search.hides = True
            self.ask_line(" show only lines that match ", "", self._hide_others, past="searches")
            return
        self.search.hides = not self.search.hides
        grep = self.search.pattern if self.search.hides else ""
        self.show_log(replace(self.log_pane.choice, grep=grep))

    def _hide_others(self, pattern: str) -> None:
        self.search.hides = bool(pattern)
        self.set_search(pattern)

    def do_next_match(self) -> None:
        """The next line that matches."""
        self._next_match(False)

    def do_previous_match(self) -> None:
        """The line above that matches."""
        self._next_match(True)

    def _next_match(self, back: bool) -> None:
        if self.search.pattern:
            self._look(back=back, find=self.search.pattern)
        else:
            self.console_app.tell("nothing is searched yet: / asks what for")

    def look_for_error(self, back: bool) -> None:
        """Go to the next error line of the log, wherever it is."""
        self._look(back=back, find_level="error")

    def _open_search(self) -> None:
        feed = self.console_app.session.feed
        if self._search_window is not None:
            feed.close(self._search_window)
            self._search_window = None
        if self.search.pattern:
            request = {
                "window": "search",
                "ref": self.meant,
                **self.log_pane.choice.request(),
                "grep": self.search.pattern,
                "at": None,
            }
            self._search_window = feed.open(request, self._search_frame)

    def _search_frame(self, frame: dict[str, Any]) -> None:
        if frame.get("kind") == "error":
            self._tell_error(frame)
            return
        self.search.apply(frame)
        self.log_pane.repaint_line(0)

    def _look(self, *, back: bool, **what: str) -> None:
        self._looking += 1
        request = self._found(self._looking, self.log_pane.seen_from(back), back, what)
        self.console_app.carry_out(request, lambda answer: self._go_to(answer, back, what))

    async def _found(
        self, number: int, start: str | None, back: bool, what: dict[str, str]
    ) -> dict[str, Any]:
        """What the engine finds: a part of the log is looked through with each request."""
        while True:
            answer = await self.console_app.session.log_find(
                self.meant,
                from_=start,
                back=back,
                limit=AROUND_LINES,
                **self.log_pane.choice.request(),
                **what,
            )
            if number != self._looking:
                return {"stopped": True}
            start = answer.get("go_on")
            if start is None:
                return answer
            self.console_app.tell("searching …  esc stops it")

    def _go_to(self, answer: dict[str, Any], back: bool, what: dict[str, str]) -> None:
        if answer.get("stopped"):
            return
        found = answer.get("found")
        if found is None:
            name = "error" if "find_level" in what else "match"
            self.console_app.tell(f"no {name} {'above' if back else 'below'}")
            return
        self.console_app.mode_screen.forget_message()
        self.log_pane.jump(str(found), answer.get("lines") or [], bool(answer.get("more_before")))
        if "find" in what and self._search_window is not None:
            self.console_app.session.feed.move(self._search_window, at=str(found))
