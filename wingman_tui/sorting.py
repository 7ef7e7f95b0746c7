"""In which order the list of executions can be, and what each order is called. Pure."""

from __future__ import annotations

from dataclasses import dataclass

# as the feed names them, with their words: as they are, and the other way round
SORTS = {
    "started": ("newest first", "oldest first"),
    "duration": ("longest first", "shortest first"),
    "flow": ("by flow", "by flow, Z first"),
    "state": ("live and failed first", "completed first"),
}
REVERSE = "reverse"


@dataclass(frozen=True)
class Order:
    """By what, and whether the other way round."""

    by: str = "started"
    is_reverse: bool = False

    @property
    def words(self) -> str:
        """What the screen says."""
        return SORTS[self.by][self.is_reverse]

    def next(self) -> Order:
        """The next thing to sort by."""
        names = list(SORTS)
        return Order(names[(names.index(self.by) + 1) % len(names)])

    def reversed(self) -> Order:
        """The other way round."""
        return Order(self.by, not self.is_reverse)


NEWEST_FIRST = Order()
