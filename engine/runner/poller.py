"""One epoll set: which file descriptor wakes which handler.

Role: shared by the runner's parts. Imports the standard library only.
"""

from __future__ import annotations

import select

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Handler = Callable[[int], None]

READ = select.EPOLLIN
WRITE = select.EPOLLOUT
EVENTS_PER_TURN = 64  # the kernel rotates what is ready, so that nobody starves


class Poller:
    """Registers file descriptors with handlers, and waits for the next events."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self.handlers: dict[int, Handler] = {}

    def add(self, fd: int, handler: Handler, events: int = READ) -> None:
        """Call `handler(events)` whenever `fd` is ready."""
        self.handlers[fd] = handler
        self._epoll.register(fd, events)

    def change(self, fd: int, events: int) -> None:
        """Wait for other events of `fd`."""
        self._epoll.modify(fd, events)

    def remove(self, fd: int) -> None:
        """Drop an fd, before it is closed.

        Closing alone is not enough: a child on its way into exec still holds it for a moment, and
        as long as it does the closed fd keeps waking us.
        """
        if self.handlers.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def wait(self, timeout_s: float) -> list[tuple[int, int]]:
        """The next (fd, events), after at most `timeout_s` (negative: for ever)."""
        return self._epoll.poll(timeout_s, EVENTS_PER_TURN)
