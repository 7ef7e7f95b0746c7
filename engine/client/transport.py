"""Where the bytes of a request go: the seam under `engine.client.http`. Standard library only.

The local engine listens on a Unix socket; servers far away are in `tls` and `ssh`. `_socket`
is what `socket` wraps: the wrapper alone costs a small command 4 ms of imports.
"""

from __future__ import annotations

import _socket

from engine.errors import Unavailable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Protocol

    class Connection(Protocol):
        """One open line to an engine."""

        def send(self, data: bytes) -> None:
            """Send all of it."""

        def receive(self, limit_bytes: int) -> bytes:
            """What has arrived, at least one byte; nothing at the end."""

        def is_alive(self) -> bool:
            """Whether the other side has not hung up; leaves the timeout to be set anew."""

        def set_timeout(self, timeout_s: float | None) -> None:
            """How long `send` and `receive` wait before they raise TimeoutError."""

        def fileno(self) -> int:
            """The descriptor, to wait on."""

        def close(self) -> None:
            """Hang up."""

    class Transport(Protocol):
        """Opens connections to one engine."""

        host: str
        headers: Mapping[str, str]  # of every request

        def connect(self) -> Connection:
            """A new connection, or Unavailable."""


class SocketConnection:
    """A connected socket; of a Unix one, unless a subclass says otherwise."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw

    def send(self, data: bytes) -> None:
        self._raw.sendall(data)

    def receive(self, limit_bytes: int) -> bytes:
        data: bytes = self._raw.recv(limit_bytes)
        return data

    def is_alive(self) -> bool:
        self._raw.settimeout(0)  # with a timeout, recv would wait in spite of MSG_DONTWAIT
        try:
            return bool(self._raw.recv(1, _socket.MSG_PEEK))
        except BlockingIOError:
            return True
        except OSError:
            return False

    def set_timeout(self, timeout_s: float | None) -> None:
        self._raw.settimeout(timeout_s)

    def fileno(self) -> int:
        number: int = self._raw.fileno()
        return number

    def close(self) -> None:
        self._raw.close()


class UnixTransport:
    """The engine of this machine, behind its socket."""

    host = "localhost"
    headers: Mapping[str, str] = {}  # the kernel says who asks

    def __init__(self, path: str) -> None:
        self.path = path

    def connect(self) -> Connection:
        raw = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        try:
            raw.connect(self.path)
        except OSError as error:
            raw.close()
            if isinstance(error, PermissionError):
                raise Unavailable(
                    f"the engine's socket {self.path} is not yours to use",
                    "run as the user who owns this home, or name another WINGMAN_HOME",
                ) from error
            raise Unavailable(
                f"no engine listens on {self.path}", "start one: wingman engine start"
            ) from error
        return SocketConnection(raw)
