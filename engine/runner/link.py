"""The runner's side of the connection to the engine.

Role: accepts connections, lets only the highest epoch speak, takes frames in, sends frames out
without ever waiting for a reader. Called by runner.py. Imports the standard library and the
runner's own parts.
"""

from __future__ import annotations

import os
import socket
import struct

from engine.runner.frames import Decoder, FrameError, encode_text
from engine.runner.poller import READ, WRITE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from engine.runner.poller import Poller

    Message = dict[str, Any]

RECEIVE_BYTES = 1 << 18
BACKLOG = 16
# an engine that reads nothing: cut the connection, it gets everything again with the next one
UNREAD_LIMIT_BYTES = 64 << 20


class Link:
    """At most one engine that counts, and the connections that have not said hello yet."""

    def __init__(
        self, listener: socket.socket, poller: Poller,
        on_hello: Callable[[], None], on_message: Callable[[Message], None],
        on_lost: Callable[[], None], report: Callable[[str], None],
    ) -> None:  # fmt: skip
        self.epoch = -1
        self._listener = listener
        self._poller = poller
        self._on_hello = on_hello
        self._on_message = on_message
        self._on_lost = on_lost
        self._report = report
        self._engine: Connection | None = None
        # one for all: `recv` would map and unmap as much memory for each message
        self._buffer = memoryview(bytearray(RECEIVE_BYTES))
        self._waiting: set[Connection] = set()
        poller.add(listener.fileno(), self._accept)

    @property
    def connected(self) -> bool:
        """True while an engine that has said hello is there."""
        return self._engine is not None

    @property
    def keeping_up(self) -> bool:
        """True when the engine has read everything: only then it gets what it can do without."""
        return self._engine is not None and not self._engine.unsent

    def send(self, text: str) -> None:
        """Queue one message, JSON text, for the engine; `flush` sends it."""
        if self._engine is not None:
            self._engine.queue.append(encode_text(text))

    def flush(self) -> None:
        """Send what is queued, as far as the engine takes it."""
        engine = self._engine
        if engine is None or not engine.queue:
            return
        if not engine.waits:
            self._push(engine)
        elif engine.unread_bytes > UNREAD_LIMIT_BYTES:
            self._report("connection dropped: the engine does not read")
            self._drop(engine)

    def close(self) -> None:
        """Close everything; whoever connects from now on is refused."""
        self._poller.remove(self._listener.fileno())
        self._listener.close()
        for connection in [*self._waiting, *([self._engine] if self._engine else [])]:
            self._drop(connection)

    def _accept(self, _events: int) -> None:
        try:
            sock, _ = self._listener.accept()
        except OSError:
            return
        if peer_user(sock) not in (os.getuid(), 0):
            sock.close()
            return
        sock.setblocking(False)
        connection = Connection(sock)
        self._waiting.add(connection)
        self._poller.add(sock.fileno(), lambda events: self._ready(connection, events))

    def _ready(self, connection: Connection, events: int) -> None:
        if events & WRITE:
            self._push(connection)
        if events & ~WRITE and connection.open:
            self._receive(connection)

    def _receive(self, connection: Connection) -> None:
        try:
            count = connection.sock.recv_into(self._buffer)
        except BlockingIOError:
            return
        except OSError:
            count = 0
        if not count:
            self._drop(connection)
            return
        try:
            messages = connection.decoder.feed(bytes(self._buffer[:count]))
        except FrameError as error:
            self._report(f"connection dropped: {error}")
            self._drop(connection)
            return
        for message in messages:
            if not connection.open:
                return
            if connection is self._engine and message.get("t") != "hello":
                self._on_message(message)
            else:
                self._greet(connection, message)

    def _greet(self, connection: Connection, message: Message) -> None:
        """The first frame must be a hello of an epoch that is not superseded."""
        epoch = message.get("epoch")
        if message.get("t") != "hello" or not isinstance(epoch, int) or epoch < self.epoch:
            self._report(f"connection dropped: {message.get('t')!r} of epoch {epoch!r}")
            self._drop(connection)
            return
        self.epoch = epoch
        earlier, self._engine = self._engine, connection
        self._waiting.discard(connection)
        if earlier is not None and earlier is not connection:
            self._drop(earlier)
        self._on_hello()

    def _push(self, connection: Connection) -> None:
        data = connection.take()
        try:
            sent = connection.sock.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._drop(connection)
            return
        connection.unsent = data[sent:]
        waits = bool(connection.unsent)
        if waits != connection.waits:
            connection.waits = waits
            self._poller.change(connection.sock.fileno(), READ | WRITE if waits else READ)

    def _drop(self, connection: Connection) -> None:
        if not connection.open:
            return
        connection.open = False
        self._waiting.discard(connection)
        self._poller.remove(connection.sock.fileno())
        connection.sock.close()
        if connection is self._engine:
            self._engine = None
            self._on_lost()


class Connection:
    """One connected socket with what came in by half and what could not be sent yet."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.decoder = Decoder()
        self.queue: list[bytes] = []
        self.unsent: bytes | memoryview = b""
        self.waits = False
        self.open = True

    @property
    def unread_bytes(self) -> int:
        """What waits here for the engine to read."""
        return len(self.unsent) + sum(map(len, self.queue))

    def take(self) -> memoryview:
        """Everything that is to be sent, in order."""
        if self.queue or not isinstance(self.unsent, memoryview):
            self.unsent = memoryview(b"".join([self.unsent, *self.queue]))
            self.queue.clear()
        return self.unsent


def listen(path: str) -> socket.socket:
    """A socket at `path` that only this user can open."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    umask = os.umask(0o177)  # 0600 from its first moment
    try:
        listener.bind(path)
    finally:
        os.umask(umask)
    listener.listen(BACKLOG)
    listener.setblocking(False)
    return listener


def peer_user(sock: socket.socket) -> int:
    """The user id of the process at the other end."""
    data = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    return int(struct.unpack("3i", data)[1])
