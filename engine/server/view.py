"""What many look at alike is found once, and told to each in what it has not seen yet.

A view stands behind the windows that ask for the same and may see the same. It looks when
something has changed and its pace allows; what changed is encoded once for all who were told the
last time, and on its own for who takes frames more slowly. So a console more costs its frames, not
its questions. `Pace` bounds what all of them together take of the engine: the more there are to be
told, the less often, down to a few times a second.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any

from engine.core.state import Execution
from engine.errors import WingmanError
from engine.jsontext import encode
from engine.model import Event

if TYPE_CHECKING:
    from engine.server.context import Context

PACE_S = 0.1
SLOWEST_S = 0.3  # with however many looking, a change is to be seen within half a second
SHARE = 0.2  # of the engine's time that frames may take
FRAME_S = 100e-6  # what one costs, until it is known
FRAME_LIMIT_S = 2e-3
FOLLOWERS_AT_ONCE = 2  # are told in one turn of the loop: steps that go on wait for some turns

Follower = Callable[[], None]


class Pace:
    """How long to wait between two frames of one window."""

    def __init__(self) -> None:
        self._frame_s = FRAME_S
        self.followers = 0.0  # windows, the slower ones as a part of one

    def note(self, seconds: float) -> None:
        """What a frame has cost."""
        self._frame_s += (min(seconds, FRAME_LIMIT_S) - self._frame_s) / 64

    def at_least(self, wanted_s: float) -> float:
        """A window's own pace, or a slower one where many look."""
        affordable_s = self.followers * self._frame_s / SHARE
        return max(wanted_s, min(affordable_s, SLOWEST_S))


class View:
    """What some windows show. `find` looks at it, `changes` tells what is new after a count."""

    pace_s = PACE_S
    refresh_s: float | None = None  # looked at again by itself, where no event tells

    def __init__(self, context: Context, hidden: frozenset[str]) -> None:
        self.context = context
        self.hidden = hidden  # flows that those who look may not see
        self.count = 0
        self.followers: list[Follower] = []
        self._is_dirty = True
        self._problem: WingmanError | None = None
        self._due_at = 0.0
        self._refresh_at: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._looking: asyncio.Task[None] | None = None
        self._encoded: dict[int, bytes] = {}

    # -- what each kind says -----------------------------------------------------------------

    async def find(self) -> bool:
        """Take in what is there now, for `self.count + 1`; whether anything has changed."""
        raise NotImplementedError

    def changes(self, count: int) -> dict[str, Any]:
        """What is new after a count; all of it after 0."""
        raise NotImplementedError

    def changed(self, execution: Execution, events: list[Event]) -> None:
        """An execution changed."""

    def removed(self) -> None:
        """Ended executions were removed."""

    def sampled(self, samples: dict[str, dict[str, float]]) -> None:
        """Running attempts were measured."""

    def left(self) -> None:
        """Nobody looks any more."""

    # -- for the windows ---------------------------------------------------------------------

    async def since(self, count: int) -> tuple[int, bytes]:
        """The count of now, and what is new after another one, encoded. Raises WingmanError."""
        looks = 0
        while not count and (self._is_dirty or self._looking is not None) and looks < 2:
            await asyncio.shield(self._start())  # who comes sees the present
            looks += 1
        if self._problem is not None:
            raise self._problem
        if count == self.count:
            return count, b""
        found = self._encoded.get(count)
        if found is None:
            found = self._encoded[count] = encode(self.changes(count))
        return self.count, found

    def mark(self) -> None:
        """There may be something new."""
        if not self._is_dirty and self.followers:
            self._is_dirty = True
            self._plan(self._due_at)

    def look_again_in(self, seconds: float | None) -> None:
        """Look then, should no event come before."""
        now = asyncio.get_running_loop().time()
        self._refresh_at = None if seconds is None else now + seconds

    def close(self) -> None:
        """Nobody looks any more; a look that is under way ends by itself: somebody may wait."""
        self._stop_waiting()
        self.left()

    # -- looking -----------------------------------------------------------------------------

    def _plan(self, at: float) -> None:
        if self._looking is None:
            self._stop_waiting()
            self._timer = asyncio.get_running_loop().call_at(at, self._start)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _start(self) -> asyncio.Task[None]:
        self._stop_waiting()
        if self._looking is None:
            self._looking = asyncio.get_running_loop().create_task(self._look())
        return self._looking

    async def _look(self) -> None:
        loop = asyncio.get_running_loop()
        self._is_dirty = False
        self.look_again_in(self.refresh_s)
        had_problem, self._problem = self._problem is not None, None
        try:
            is_new = await self.find()
        except WingmanError as error:
            self._problem, is_new = error, True
        except Exception as error:  # a fault of ours: told, and looked at again
            traceback.print_exc()
            self._problem, is_new = WingmanError(f"{type(error).__name__}: {error}"), True
        finally:
            self._looking = None
        if is_new and self._problem is None:
            self.count += 1
            self._encoded.clear()
        self._due_at = loop.time() + self.context.views.pace.at_least(self.pace_s)
        if not self.followers:
            return  # closed meanwhile
        if is_new or had_problem:
            self._tell(list(self.followers))
        if self._is_dirty:
            self._plan(self._due_at)
        elif self._refresh_at is not None:
            self._plan(max(self._due_at, self._refresh_at))

    def _tell(self, followers: list[Follower]) -> None:
        for follower in followers[:FOLLOWERS_AT_ONCE]:
            follower()
        if rest := followers[FOLLOWERS_AT_ONCE:]:
            asyncio.get_running_loop().call_soon(self._tell, rest)


class Views:
    """The views that somebody looks at, by what they show."""

    def __init__(self) -> None:
        self.pace = Pace()
        self._open: dict[Hashable, View] = {}

    def join(self, key: Hashable, make: Callable[[], View], follower: Follower) -> View:
        """The view of this key, which the follower is told of from now on."""
        view = self._open.get(key)
        if view is None:
            view = self._open[key] = make()
        view.followers.append(follower)
        return view

    def leave(self, key: Hashable, follower: Follower) -> None:
        """One who looks no more; with the last one the view goes."""
        view = self._open[key]
        view.followers.remove(follower)
        if not view.followers:
            del self._open[key]
            view.close()

    def changed(self, execution: Execution, events: list[Event]) -> None:
        """An execution changed."""
        for view in self._open.values():
            view.changed(execution, events)

    def removed(self) -> None:
        """Ended executions were removed."""
        for view in self._open.values():
            view.removed()

    def sampled(self, samples: dict[str, dict[str, float]]) -> None:
        """Running attempts were measured."""
        for view in self._open.values():
            view.sampled(samples)
