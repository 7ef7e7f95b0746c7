"""The windows of the feed that the list of executions is made of: one, or one of each server.

Called by the screen of the list, which it tells what has changed. What is asked for is bound to
what is looked at: a few screens around it, of each server.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from wingman_tui.lines import refusal_of
from wingman_tui.sorting import Order
from wingman_tui.state import Change

if TYPE_CHECKING:
    from wingman_tui.app import WingmanApp
    from wingman_tui.merged import Merged
    from wingman_tui.state import ExecutionsWindow

WINDOW_MIN = 60
LARGEST = 500  # rows of one window
Frame = dict[str, Any]


class OneList:
    """The list of one server."""

    def __init__(
        self,
        app: WingmanApp,
        held: ExecutionsWindow,
        changed: Callable[[Change], None],
        refused: Callable[[str], None],
    ) -> None:
        self._app, self._held, self._changed, self._refused = app, held, changed, refused
        self._asked = (0, WINDOW_MIN)
        request = {"window": "executions", "filter": "", "offset": 0, "limit": WINDOW_MIN}
        self._window = app.session.feed.open(request, self._frame)

    def _frame(self, frame: Frame) -> None:
        if problem := _problem(frame):
            self._held.is_asked = False
            self._refused(problem)
        else:
            self._changed(self._held.apply(frame))

    def look_at(self, first: int, rows: int) -> None:
        """Ask for another window before the end of this one is in sight."""
        offset, limit = self._asked
        wanted = max(WINDOW_MIN, rows * 3)
        total = self._held.total
        covered = first >= offset and min(first + rows, total) <= offset + limit
        margin_above = offset == 0 or first - offset >= rows // 2
        margin_below = offset + limit >= total or offset + limit - first - rows >= rows // 2
        if covered and margin_above and margin_below and wanted <= limit:
            return
        self._move(max(0, first - rows), wanted)

    def show(self, page: int, servers: Sequence[str], **fields: Any) -> None:
        """Show another list, from its first row on."""
        self._held.is_asked = True
        self._move(0, max(WINDOW_MIN, page * 3), **fields)

    def _move(self, offset: int, limit: int, **fields: Any) -> None:
        self._asked = (offset, limit)
        self._held.asked_offset = offset
        self._app.session.feed.move(self._window, offset=offset, limit=limit, **fields)


class SideBySide:
    """The lists of several servers, merged."""

    def __init__(
        self,
        app: WingmanApp,
        held: Merged,
        changed: Callable[[Change], None],
        refused: Callable[[str], None],
    ) -> None:
        self._app, self._held, self._changed, self._refused = app, held, changed, refused
        self._request: dict[str, Any] = {"window": "executions", "filter": ""}
        self._windows: dict[str, int] = {}
        self._asked: dict[str, tuple[int, int]] = {}
        for name in app.session.shown:
            self._open(name, WINDOW_MIN)

    def _open(self, name: str, limit: int) -> None:
        link = self._app.session.named(name)
        self._asked[name] = (0, limit)
        self._held.parts[name].window.asked_offset = 0
        request = {**self._request, "offset": 0, "limit": limit}
        self._windows[name] = self._app.session.feed.open(
            request, lambda frame: self._frame(name, frame), link
        )

    def _frame(self, name: str, frame: Frame) -> None:
        if problem := _problem(frame):
            self._held.is_asked = False
            self._refused(f"{name}: {problem}")
        else:
            self._changed(self._held.apply(name, frame, self._app.view.now()))

    def look_at(self, first: int, rows: int) -> None:
        """Ask each server for what comes around the rows that are looked at."""
        held, total = self._held, self._held.total
        begin = max(0, first - rows // 2)
        end = min(total, first + rows + rows // 2)
        if not held.loaded or held.covers(begin, end):
            return
        wanted = max(WINDOW_MIN, rows * 3)
        from_ = max(0, min(first - rows, total - wanted))
        split = held.split(from_)
        for name, offset in split.items():
            # around the place: the split is near where it is not known
            self._move(name, max(0, offset - rows), min(LARGEST, wanted + 2 * rows))

    def _move(self, name: str, offset: int, limit: int, **fields: Any) -> None:
        if not fields and self._asked.get(name) == (offset, limit):
            return
        self._asked[name] = (offset, limit)
        self._held.parts[name].window.asked_offset = offset
        feed = self._app.session.feed
        feed.move(self._windows[name], offset=offset, limit=limit, **fields)

    def show(self, page: int, servers: Sequence[str], **fields: Any) -> None:
        """Show another list of these servers, from its first row on; the others are not asked."""
        session, limit = self._app.session, max(WINDOW_MIN, page * 3)
        self._request |= fields
        if "sort" in fields:
            order = Order(fields["sort"], bool(fields.get("reverse")))
            self._held.reorder(order, self._app.view.now())
        for name in [name for name in self._windows if name not in servers]:
            session.feed.close(self._windows.pop(name))
        session.shown = list(servers)
        self._held.show(servers)
        self._held.is_asked = True
        for name in servers:
            if name in self._windows:
                self._move(name, 0, limit, **fields)
            else:
                self._open(name, limit)
        self._held.merge()


def _problem(frame: Frame) -> str:
    """What a server says is wrong with what was asked; empty where nothing is."""
    return str(refusal_of(frame)) if frame.get("kind") == "error" else ""
