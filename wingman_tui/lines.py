"""The console's open lines to its engine, kept for the next request: no handshake for each.

A request takes a line, or opens one, on its own thread, and puts it back when it is answered.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from engine.client.console import Client, WingmanError

KEPT = 4  # as many as are usually asked at once


class Refused(Exception):
    """The engine said no, or is not there; a message and a hint for a person."""

    def __init__(self, message: str, hint: str = "", code: str = "") -> None:
        """`code` is the engine's word for the kind of refusal."""
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


def refusal_of(frame: Mapping[str, Any]) -> Refused:
    """What a frame of the feed says is wrong with what was asked."""
    error = frame.get("error") or {}
    message, hint, code = (str(error.get(key) or "") for key in ("message", "hint", "code"))
    return Refused(message, hint, code)


class Lines:
    """The lines of one console; threads may ask at the same time."""

    def __init__(self, open_line: Callable[[], Client]) -> None:
        self._open_line = open_line
        self._idle: deque[Client] = deque()

    def request(
        self, method: str, path: str, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """One JSON request; a change is made once, also when its answer is lost. Refused."""

        def ask(client: Client) -> dict[str, Any]:
            if method == "GET":
                return client.request(method, path, body)
            return client.change(method, path, body)

        answer: dict[str, Any] = self._with(ask)
        return answer

    def text(self, path: str) -> dict[str, Any]:
        """A text answer under the key `text`."""
        return {"text": self._with(lambda client: client.text(path))}

    def close(self) -> None:
        """Hang up all that nobody uses."""
        while self._idle:
            self._idle.pop().close()

    def _with(self, ask: Callable[[Client], Any]) -> Any:
        try:
            client = self._idle.pop()  # the one used last: it is the least likely to be closed
        except IndexError:
            client = refusing(self._open_line)
        try:
            return refusing(lambda: ask(client))
        finally:
            self._idle.append(client)
            if len(self._idle) > KEPT:
                self._idle.popleft().close()


def refusing(call: Callable[[], Any]) -> Any:
    """What a call answers; every failure that is meant for a person as Refused."""
    try:
        return call()
    except WingmanError as error:
        raise Refused(error.message, error.hint, error.code) from error
    except OSError as error:
        raise Refused(f"the engine cannot be reached: {error}") from error
