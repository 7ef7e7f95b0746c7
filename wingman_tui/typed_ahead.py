"""Keys that come faster than what they are meant for: each waits for what the one before has done.

Over a slow line a person types `r` and enter, or `/` and a word, in one go, and all of it comes in
one packet. Textual hands keys out at once, to what has the focus then. Here a key is handed out
when the one before it has been dealt with, and what that one has opened or asked for is there.
Mixed into the app.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from textual import events
from textual.app import App, ScreenStackError
from textual.dom import DOMNode
from textual.message_pump import MessagePump
from textual.screen import Screen

from wingman_tui.screenio import FENCE_KEY

HOLD_S = 4.0  # an answer that takes longer is not waited for
STUCK_S = 1.0  # no key takes so long; a widget may have gone away under it
TYPED_LIMIT = 1_000
AT_ONCE = frozenset({"ctrl+c", "ctrl+q"})  # wait for nothing, and take back what waits
LINE_FEED = "ctrl+j"  # what enter is for a terminal that still waits for a program to start


class TypedAhead(App[int]):
    """The part of the app that hands out keys."""

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]
        self._typed: deque[events.Key | events.Paste] = deque()
        self._is_dealing = False  # with a key
        self._dealing_since = 0.0
        self._holds = 0

    @property
    def keys_are_dealt_with(self) -> bool:
        """Whether every key has been handed out and has done what it does at once."""
        return not self._typed and not self._is_dealing

    def hold_keys(self) -> Callable[[], None]:
        """Keys wait from now on, until what is returned is called: what they mean is on its way."""
        self._holds += 1
        is_held = True

        def release() -> None:
            nonlocal is_held
            if is_held:
                is_held = False
                timer.stop()
                self._holds -= 1
                self._begin_dealing()
                self.call_later(self._dealt_with, None)

        def give_up() -> None:
            if self._typed:
                self._typed.clear()  # they would do something else now
                self._say_given_up()
            release()

        timer = self.set_timer(HOLD_S, give_up)
        return release

    def _say_given_up(self) -> None:
        """What was typed is not done."""

    async def on_event(self, event: events.Event) -> None:
        """Hand a key out, or keep it until its turn comes."""
        # the terminal's answer to a frame is no key: behind one that waits it would hold frames up
        is_answer = isinstance(event, events.Key) and event.key == FENCE_KEY
        if is_answer or not isinstance(event, events.Key | events.Paste) or event.is_forwarded:
            await super().on_event(event)
            return
        if isinstance(event, events.Key) and event.key == LINE_FEED:
            event = events.Key("enter", "\r")
        if isinstance(event, events.Key) and event.key in AT_ONCE:
            self._typed.clear()
            await super().on_event(event)
            return
        is_stuck = self._is_dealing and time.monotonic() - self._dealing_since > STUCK_S
        if self._holds or (self._is_dealing and not is_stuck):
            if len(self._typed) < TYPED_LIMIT:
                self._typed.append(event)
            return
        await self._hand_out(event)

    async def _hand_out(self, event: events.Key | events.Paste) -> None:
        self._begin_dealing()
        screen = self._top_screen()
        target: MessagePump = self.focused or screen or self
        await super().on_event(event)
        # once behind the key, once behind the messages that it has led to
        self._follow(target, screen, lambda: self._follow(target, screen, None))

    def _begin_dealing(self) -> None:
        self._is_dealing, self._dealing_since = True, time.monotonic()

    def _follow(
        self,
        node: MessagePump | None,
        screen: Screen[object] | None,
        then: Callable[[], None] | None,
    ) -> None:
        """Go the key's way up behind it: what is met has dealt with it by then."""
        while isinstance(node, DOMNode) and node is not self:
            if node.call_later(self._follow, node._parent, screen, then):
                return
            node = node._parent
        if then is not None:
            then()
        else:
            self.call_later(self._dealt_with, screen)

    async def _dealt_with(self, screen: Screen[object] | None) -> None:
        """The key is done with; what it has opened takes the focus before the next one comes."""
        top = self._top_screen()
        if top is not screen and top is not None and top.call_later(self._follow, None, top, None):
            return
        if self._holds:
            return
        if self._typed:
            await self._hand_out(self._typed.popleft())
        else:
            self._is_dealing = False

    def _top_screen(self) -> Screen[object] | None:
        try:
            return self.screen
        except ScreenStackError:  # a mode that is being made
            return None
