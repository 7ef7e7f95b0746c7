"""Who waits for the end of an execution."""

from __future__ import annotations

import asyncio


class Ends:
    """Futures that are done when an execution has ended and that is durable."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Future[None]]] = {}

    def wait(self, execution_id: str, is_live: bool) -> asyncio.Future[None]:
        """A future for the end of an execution; done at once where it has ended."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if is_live:
            self._waiting.setdefault(execution_id, set()).add(future)
            future.add_done_callback(lambda _: self._forget(execution_id, future))
        else:
            future.set_result(None)
        return future

    def _forget(self, execution_id: str, future: asyncio.Future[None]) -> None:
        """Nobody waits on this future any more."""
        waiting = self._waiting.get(execution_id, set())
        waiting.discard(future)
        if not waiting:
            self._waiting.pop(execution_id, None)

    def ended(self, execution_id: str) -> None:
        """An execution has ended: tell all."""
        for future in self._waiting.pop(execution_id, ()):
            if not future.done():
                future.set_result(None)
