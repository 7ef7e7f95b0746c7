"""A bad line to a server: a TCP port that leads to another and does to the bytes what lines do.

Late (`latency_s` each way), slow (`bytes_s`), lossy (`stall`: TCP shows loss as silence), half open
(`swallow`: nothing passes and nobody is told), cut (`cut`: both ends reset, also in the middle of a
frame: `cut_after` counts the bytes to the client), not there (`refuse`). Real sockets, one thread
for each direction.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time

PIECE_BYTES = 1024  # what a slow line carries at once
RESET = struct.pack("ii", 1, 0)


class FaultProxy:
    """A port of this machine; everything can be changed while it carries."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.latency_s = 0.0
        self.bytes_s = 0.0  # to the client; 0 is no limit
        self.refuses = False
        self.each_bytes = 0  # after so many to the client a connection is cut; 0 for none
        self.down_bytes = self.up_bytes = self.connections = self.cuts = 0
        self._flows = threading.Event()
        self._flows.set()
        self._swallows = False
        self._cut_at: int | None = None
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    # -- faults ------------------------------------------------------------------------------

    def stall(self) -> None:
        """Nothing passes until `heal`; then all of it does."""
        self._flows.clear()

    def swallow(self) -> None:
        """What is open now is half open for ever: bytes vanish, and nobody hears of it."""
        self._swallows = True

    def cut(self) -> None:
        """Every open connection ends at once."""
        self.cuts += 1
        with self._lock:
            ends, self._open = list(self._open), set()
        for each in ends:
            _reset(each)

    def cut_after(self, size_bytes: int) -> None:
        """Cut once so many more bytes have gone to the client: in the middle of whatever it is."""
        self._cut_at = self.down_bytes + size_bytes

    def heal(self) -> None:
        """New connections work again; what was stalled goes on."""
        self._swallows = self.refuses = False
        self.latency_s = self.bytes_s = 0.0
        self._flows.set()

    def close(self) -> None:
        """Nothing is left of it."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._flows.set()
        self.cut()

    # -- carrying ----------------------------------------------------------------------------

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            if self.refuses:
                _reset(client)
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                client.close()
                continue
            with self._lock:
                self._open |= {client, server}
            fate = _Fate()
            for ways in ((client, server, False), (server, client, True)):
                threading.Thread(target=self._carry, args=(*ways, fate), daemon=True).start()

    def _carry(
        self, source: socket.socket, target: socket.socket, is_down: bool, fate: _Fate
    ) -> None:
        due: list[tuple[float, bytes]] = []
        with contextlib.suppress(OSError):
            while data := source.recv(PIECE_BYTES if self.bytes_s else 1 << 16):
                fate.swallowed = fate.swallowed or self._swallows
                if fate.swallowed:
                    continue
                due.append((time.monotonic() + self.latency_s, data))
                self._pass_on(due, target, is_down)
                if is_down and self.each_bytes and self._is_used_up(fate, len(data)):
                    self.cuts += 1  # as proxies do: what has passed arrives
                    source.shutdown(socket.SHUT_RDWR)
                    break
            if not fate.swallowed:
                target.shutdown(socket.SHUT_WR)

    def _is_used_up(self, fate: _Fate, size_bytes: int) -> bool:
        fate.down_bytes += size_bytes
        return fate.down_bytes > self.each_bytes

    def _pass_on(
        self, due: list[tuple[float, bytes]], target: socket.socket, is_down: bool
    ) -> None:
        while due:
            at, data = due.pop(0)
            time.sleep(max(0.0, at - time.monotonic()))
            self._flows.wait()
            if is_down and self.bytes_s:
                time.sleep(len(data) / self.bytes_s)
            if is_down and self._cut_at is not None and self.down_bytes + len(data) > self._cut_at:
                data, self._cut_at = data[: self._cut_at - self.down_bytes], None
                target.sendall(data)
                self.cut()
                raise OSError("cut")
            target.sendall(data)
            if is_down:
                self.down_bytes += len(data)
            else:
                self.up_bytes += len(data)


class _Fate:
    """What both directions of a connection share."""

    swallowed = False
    down_bytes = 0


def _reset(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
