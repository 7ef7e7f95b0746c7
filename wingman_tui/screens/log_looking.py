"""Looking for something in the log of the opened execution: a pattern, the next error, a place.

Mixed into the execution's screen by `log_actions`, which opens the windows on the lines.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from wingman_tui.keys import key_name
from wingman_tui.lines import refusal_of
from wingman_tui.log_choice import LogChoice
from wingman_tui.log_search import LogSearch
from wingman_tui.log_window import Place
from wingman_tui.widgets.log_pane import LogPane

if TYPE_CHECKING:
    from wingman_tui.screens.base import ModeScreen as Base
else:
    Base = object

AROUND_LINES = 300
ANY_CASE = "(?i)"
EXAMPLE = f"timeout|refused  {ANY_CASE}error"

FIRST = Place("", is_marked=False)  # the log's first line


class LogLooking(Base):
    """Mixed into a screen with a log pane."""

    log_pane: LogPane
    search: LogSearch
    _search_window: int | None = None
    _looking = 0  # counts the searches for a next line, so that a late answer is known as such
    _last_pattern = ""
    _refused = ""  # a pattern that is none
    _place: Place | None = None  # where one reads, to go back to once other lines are there
    if TYPE_CHECKING:

        @property
        def meant(self) -> str:
            """The execution's id, or how it is called as long as that is not known."""

        def show_log(self, choice: LogChoice) -> None:
            """Given by the actions: show other lines."""

    def tell_error(self, frame: dict[str, Any]) -> None:
        """Say what the engine has refused."""
        self.console_app.tell(str(refusal_of(frame)), "error")

    # the place where one reads

    def stay_at(self, place: Place | None) -> None:
        """Go there, or as near as can be, when the lines come that are shown from now on."""
        self._looking += 1
        self._place = place

    def goes_back(self, frame: dict[str, Any]) -> bool:
        """Whether the first lines have come and are not looked at: one reads elsewhere."""
        if frame.get("kind") != "snapshot":
            return False
        pane, place = self.log_pane, self._place
        self._place = None
        if place is None and pane.window.loaded:  # the same lines anew, after a while elsewhere
            place = pane.reading()
        if place is None:
            return False
        pane.window.apply(frame, following=False)
        if pane.window.place_of(place.cursor) is not None:
            pane.go_back(place, place.cursor, [], more_before=False)
        else:
            self._find_place(place, self._looking)
        return True

    def on_log_pane_first_wanted(self, event: LogPane.FirstWanted) -> None:
        """The log's first line is gone to, wherever it is."""
        self._looking += 1
        self._find_place(FIRST, self._looking)

    def _find_place(self, place: Place, number: int) -> None:
        """Ask for the lines around a line, or around the nearest that is shown."""
        app, pane = self.console_app, self.log_pane
        release = app.hold_keys()
        level, is_first = pane.choice.level, place is FIRST
        ways = [(False, None)] if is_first else [(False, place.before()), (True, place.cursor)]

        async def found() -> dict[str, Any]:
            try:
                for back, start in ways:
                    answer = await self._found(number, start, back, {"find_level": level}, release)
                    if answer.get("found") is not None:
                        break
                return answer
            finally:
                release()

        def came(answer: dict[str, Any]) -> None:
            if number != self._looking:
                return  # one has gone elsewhere meanwhile
            if answer.get("found") is None:
                pane.follow()
                return
            lines, more = answer.get("lines") or [], bool(answer.get("more_before"))
            pane.go_back(place, str(answer["found"]), lines, more_before=more)

        app.carry_out(found(), came, pane.follow)

    # searching

    def do_search(self) -> None:
        """Ask what is looked for; what could not be is there to be mended."""
        label, mend = " search the log ", self._refused
        self.ask_line(label, mend, self.set_search, past="searches", example=EXAMPLE)

    def set_search(self, pattern: str) -> None:
        """Look for a pattern from now on, and go to the nearest line that matches.

        Without one: for the next line that matches what is looked for already.
        """
        if not pattern:
            if self.search.pattern or self._last_pattern:
                self.do_next_match()
            return
        pane = self.log_pane
        place = pane.reading()  # what is there may match itself; at the end, look up from it
        start = place.before() if place is not None else pane.seen_from(back=True)
        self._begin_search(pattern)
        if self.search.hides:
            self.show_log(replace(pane.choice, grep=pattern))
            self._place = None  # the nearest match is gone to
        turn = place.cursor if place is not None else None
        self._look(start, back=place is None, turn=turn, find=pattern)
        pane.focus()  # one reads on from there

    def _begin_search(self, pattern: str) -> None:
        self._last_pattern, self._refused = pattern, ""
        self.search.begin(pattern)
        self.open_search()
        self.log_pane.refresh()
        self.refresh_frame()

    def end_search(self) -> bool:
        """Look for nothing any more; False when nothing was looked for."""
        self._looking += 1
        if not self.search.pattern:
            return False
        self.search.end()
        self.log_pane.show_begin()
        self.open_search()
        self.show_log(replace(self.log_pane.choice, grep=""))
        self.log_pane.refresh()
        self.refresh_frame()
        return True

    def do_hide(self) -> None:
        """Show only the lines that match, or the others again."""
        if not self.search.pattern:
            label = " show only lines that match "
            self.ask_line(label, "", self._hide_others, past="searches", example=EXAMPLE)
            return
        self.search.hides = not self.search.hides
        grep = self.search.pattern if self.search.hides else ""
        self.show_log(replace(self.log_pane.choice, grep=grep))

    def _hide_others(self, pattern: str) -> None:
        if pattern:
            self.search.hides = True
            self.set_search(pattern)

    def do_next_match(self) -> None:
        """The next line that matches."""
        self._next_match(False)

    def do_previous_match(self) -> None:
        """The line above that matches."""
        self._next_match(True)

    def _next_match(self, back: bool) -> None:
        if not self.search.pattern:
            if not self._last_pattern:
                self.console_app.tell("nothing is searched yet: / asks what for")
                return
            self._begin_search(self._last_pattern)
        self._look(self.log_pane.seen_from(back), back=back, find=self.search.pattern)

    def look_for_error(self, back: bool) -> None:
        """Go to the next error line of the log, wherever it is."""
        self._look(self.log_pane.seen_from(back), back=back, find_level="error")

    def open_search(self) -> None:
        """Have the engine count what matches in the lines that are shown."""
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
            self._refused, self._last_pattern = self.search.pattern, ""
            self.end_search()
            self.tell_error(frame)
            return
        self.search.apply(frame)
        self.log_pane.repaint_line(0)

    def _look(self, start: str | None, *, back: bool, turn: str | None = None, **what: str) -> None:
        """Go to the next line in a direction, else in the other one from `turn` on."""
        self._looking += 1
        app = self.console_app
        release = app.hold_keys()  # the next `n` goes on from what this one finds

        async def found(number: int) -> dict[str, Any]:
            try:
                answer = await self._found(number, start, back, what, release)
                if turn is not None and answer.get("found", "") is None:
                    answer = await self._found(number, turn, not back, what, release)
                return answer
            finally:
                release()

        seen_from = None if turn else start  # nothing anywhere
        app.carry_out(
            found(self._looking), lambda answer: self._go_to(answer, seen_from, back, what)
        )

    async def _found(
        self,
        number: int,
        start: str | None,
        back: bool,
        what: dict[str, str],
        goes_on: Callable[[], None],
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
            goes_on()
            self.console_app.tell("searching …  esc stops it")

    def _go_to(
        self, answer: dict[str, Any], start: str | None, back: bool, what: dict[str, str]
    ) -> None:
        if answer.get("stopped"):
            return
        found = answer.get("found")
        if found is None:
            self.console_app.tell(self._not_found(start, back, is_error="find_level" in what))
            return
        self.console_app.mode_screen.forget_message()
        if self.log_pane.window.loaded:
            lines, more = answer.get("lines") or [], bool(answer.get("more_before"))
            self.log_pane.jump(str(found), lines, more)
            if "find" in what:
                self.log_pane.show_match()
        else:  # the lines that are shown from now on are still on their way
            self._place = Place(str(found), is_marked=True)
        if "find" in what and self._search_window is not None:
            self.console_app.session.feed.move(self._search_window, at=str(found))

    def _not_found(self, start: str | None, back: bool, *, is_error: bool) -> str:
        """What there is not in this direction, and the key for the other one."""
        what = "error" if is_error else "match"
        if start is None:
            is_exact = not is_error and not self.search.pattern.startswith(ANY_CASE)
            case = f"; {ANY_CASE} before it ignores case" if is_exact else ""
            return f"no {what} in these lines{case}"
        return f"no {what} {self.other_way(back, what)}"

    def other_way(self, back: bool, what: str) -> str:
        """Where nothing was found, and the key that looks on the other side: errors or matches."""
        name = f"{self.SCOPE}.{'next' if back else 'previous'}_{what}"
        keys = self.console_app.keymap[name].keys
        here, there = ("above", "below") if back else ("below", "above")
        key = key_name(keys[0], self.console_app.view.ascii_only) if keys else ""
        return f"{here}; {key} looks {there}" if key else here
