"""The runner's timers: one due moment an action, checked once a turn of the loop.

Role: used by the runner's parts. Imports nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Action = Callable[[float], None]

NEVER = float("inf")


class Timers:
    """One-shot actions by their earliest due moment (monotonic seconds)."""

    def __init__(self) -> None:
        self.next_due = NEVER
        self._due: dict[Action, float] = {}

    def set(self, action: Action, at: float) -> None:
        """Run `action(now)` at `at`, or earlier if it is already due earlier."""
        if at < self._due.get(action, NEVER):
            self._due[action] = at
            self.next_due = min(self.next_due, at)

    def clear(self, action: Action) -> None:
        """Forget the action."""
        if self._due.pop(action, None) is not None:
            self.next_due = min(self._due.values(), default=NEVER)

    def run(self, now: float) -> None:
        """Run what is due; an action may set itself again."""
        ready = [action for action, at in self._due.items() if at <= now]
        for action in ready:
            del self._due[action]
        self.next_due = min(self._due.values(), default=NEVER)
        for action in ready:
            action(now)


def wake(_now: float) -> None:
    """Do nothing but wake the loop."""
