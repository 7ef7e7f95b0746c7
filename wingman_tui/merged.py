"""Windows of several servers as one list, in one order. Pure.

Each server sends a window of its own list, from its own offset. A row's place in the whole is the
sum of what each server has before it; that is known where its window reaches around the row. Only
such rows are shown: what is not known yet is asked for, never guessed.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.client.console import began_at
from wingman_tui.format import parse_time
from wingman_tui.sorting import NEWEST_FIRST, Order
from wingman_tui.state import Change, ExecutionsWindow, Places

Row = dict[str, Any]
Frame = dict[str, Any]
STATES = ("running", "queued", "paused", "failed", "partial", "cancelled", "completed")
_NO_SIGNS = str.maketrans("", "", "-:TZ.")


def told_apart(row: Row, server: str) -> Row:
    """A row that says of which server it is, under a key of its own."""
    return {**row, "server": server, "key": f"{server}/{row['id']}"}


def key_of(row: Mapping[str, Any]) -> str:
    """What tells a row apart from those of other servers too."""
    return str(row.get("key") or row["id"])


def rank_of(row: Mapping[str, Any], order: Order, now: float) -> tuple[Any, ...]:
    """What servers are merged by: as each of them sorts, see `engine.journal.sorting`."""
    created = str(row.get("created_at") or row.get("started_at") or "")
    newest = -int(created.translate(_NO_SIGNS) or 0)
    turn = -1 if order.is_reverse else 1
    if order.by == "flow":
        return (*_text_rank(str(row.get("flow", "")), turn), newest)
    if order.by == "state":
        state = str(row.get("state"))
        return (turn * (STATES.index(state) if state in STATES else len(STATES)), newest)
    if order.by == "duration":
        took = row.get("duration_ms")
        began = began_at(row)
        if took is None and began:
            started = parse_time(began)
            took = None if started is None else max(0.0, now - started) * 1000
        return (1, 0, newest) if took is None else (0, -turn * took, newest)
    return (turn * newest,)


def _text_rank(text: str, turn: int) -> tuple[Any, ...]:
    """A text to sort by; falling, a longer one comes before its beginning."""
    return (text,) if turn > 0 else ((*(-ord(letter) for letter in text), 1),)


@dataclass
class Part:
    """One server's window."""

    window: ExecutionsWindow = field(default_factory=ExecutionsWindow)
    ranks: list[tuple[Any, ...]] = field(default_factory=list)

    def rank(self, order: Order, now: float) -> None:
        """Know the ranks again; never falling, since the server's own order is the order."""
        self.ranks = []
        for id_ in self.window.order:
            row = self.window.rows.get(id_)
            last = self.ranks[-1] if self.ranks else None
            rank = rank_of(row, order, now) if row is not None else last
            if rank is None:
                rank = ()
            self.ranks.append(rank if last is None or rank >= last else last)


class Merged(Places):
    """The list of several servers, as a table sees it; it has what `ExecutionsWindow` has."""

    def __init__(self, servers: Sequence[str]) -> None:
        super().__init__()
        self.sort: Order = NEWEST_FIRST
        self.parts = {server: Part() for server in servers}
        self.asked_offset = 0
        self.is_asked = False
        self._splits: list[str] = []  # the server of each row that is held, from the first on
        self._first: dict[str, int] = {}  # how many of each server come before the first

    # what the table and the bars ask

    @property
    def total(self) -> int:
        """How many there are on all servers together."""
        return sum(part.window.total for part in self.parts.values())

    @property
    def total_exact(self) -> bool:
        """Whether that is all of them."""
        return all(part.window.total_exact for part in self.parts.values())

    @property
    def counts(self) -> dict[str, int]:
        """By state, of all servers that are shown."""
        found: dict[str, int] = {}
        for part in self.parts.values():
            for state, number in part.window.counts.items():
                found[state] = found.get(state, 0) + number
        return found

    @property
    def of_newest(self) -> int | None:
        """Only so many of the newest that match are in the list."""
        parts = [part.window for part in self.parts.values()]
        if all(window.of_newest is None for window in parts):
            return None
        return sum(w.total if w.of_newest is None else w.of_newest for w in parts)

    @property
    def loaded(self) -> bool:
        """Whether a server has answered."""
        return any(part.window.loaded for part in self.parts.values())

    @property
    def rows(self) -> dict[str, Row]:
        """The rows that are held, by key."""
        return {
            f"{server}/{id_}": row
            for server, part in self.parts.items()
            for id_, row in part.window.rows.items()
        }

    def row(self, key: str) -> Row | None:
        """The execution of a key."""
        server, _, id_ = key.rpartition("/")
        part = self.parts.get(server)
        return part.window.rows.get(id_) if part is not None else None

    # what comes in

    def reorder(self, order: Order, now: float) -> None:
        """Compare by something else from now on, what is held already too."""
        self.sort = order
        for part in self.parts.values():
            part.rank(order, now)

    def show(self, servers: Sequence[str]) -> None:
        """Merge these servers alone; what is known of them stays."""
        self.parts = {server: self.parts.get(server, Part()) for server in servers}

    def apply(self, server: str, frame: Frame, now: float) -> Change:
        """Take one server's frame in, and tell what it changed."""
        part = self.parts.get(server)
        if part is None:
            return Change()
        rows = [told_apart(row, server) for row in frame.get("rows", ())]
        change = part.window.apply({**frame, "rows": rows} if rows else frame)
        if frame.get("kind") == "snapshot":
            self.is_asked = False
        if change.order or self.sort.by != "started":
            before = self.order, self.offset
            part.rank(self.sort, now)
            self.merge()
            change.order = change.order or before != (self.order, self.offset)
        change.rows = {f"{server}/{id_}" for id_ in change.rows}
        return change

    def merge(self) -> None:
        """Put the windows together, as far as every server's place is known."""
        streams = [
            [(rank, number, place) for place, rank in enumerate(part.ranks)]
            for number, part in enumerate(self.parts.values())
        ]
        merged = list(heapq.merge(*streams))
        begin, end = self._known(merged)
        names = list(self.parts)
        self._first = {name: part.window.offset for name, part in self.parts.items()}
        for _, number, _ in merged[:begin]:
            self._first[names[number]] += 1
        self.offset = sum(self._first.values())
        kept = merged[begin:end]
        self._splits = [names[number] for _, number, _ in kept]
        self.order = [
            f"{names[number]}/{self.parts[names[number]].window.order[place]}"
            for _, number, place in kept
        ]

    def _known(self, merged: Sequence[tuple[Any, int, int]]) -> tuple[int, int]:
        """From where to where every server's window reaches around the rows."""
        firsts: dict[int, int] = {}
        lasts: dict[int, int] = {}
        for position, (_, number, _) in enumerate(merged):
            firsts.setdefault(number, position)
            lasts[number] = position
        begin, end = 0, len(merged)
        for number, part in enumerate(self.parts.values()):
            window = part.window
            if window.offset > 0 and number in firsts:
                begin = max(begin, firsts[number])
            if window.offset + len(window.order) < window.total:
                end = min(end, lasts.get(number, -1) + 1)
        return begin, max(begin, end)

    # what to ask for

    def split(self, index: int) -> dict[str, int]:
        """How many rows of each server come before a place: exact where it is known, else near."""
        index = max(0, index)
        if index == 0:
            return dict.fromkeys(self.parts, 0)
        totals = {name: part.window.total for name, part in self.parts.items()}
        begin, end = self.offset, self.offset + len(self.order)
        if not self.order:
            return _between({}, totals, index / max(1, self.total))
        if index < begin:
            return _between({}, self._first, index / begin)
        found = dict(self._first)
        for name in self._splits[: index - begin]:
            found[name] += 1
        if index <= end:
            return found
        far = min(1.0, (index - end) / max(1, self.total - end))
        return _between(found, totals, far)

    def covers(self, first: int, last: int) -> bool:
        """Whether every row from one place to another is known."""
        return self.offset <= first and last <= self.offset + len(self.order)


def _between(low: Mapping[str, int], high: Mapping[str, int], share: float) -> dict[str, int]:
    """For each server a number between two, that share of the way."""
    return {n: round(low.get(n, 0) + (high[n] - low.get(n, 0)) * share) for n in high}
