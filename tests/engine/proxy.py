"""TCP ports that lead to an engine: for tools that know no Unix sockets, and lines that are cut."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def tcp_port_to(path: str) -> Iterator[int]:
    """A port of this machine whose connections end at the socket `path`."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_accept, args=(listener, path), daemon=True).start()
        yield int(listener.getsockname()[1])
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, path: str) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        engine = socket.socket(socket.AF_UNIX)
        try:
            engine.connect(path)
        except OSError:
            client.close()
            continue
        for source, target in ((client, engine), (engine, client)):
            threading.Thread(target=_copy, args=(source, target), daemon=True).start()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


class CuttingPort:
    """A port that leads to another, and loses an answer: it hangs up instead of handing it over.

    `cut_once` says when, and is asked before anything of the engine's goes on to the client.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.is_due: Callable[[], bool] | None = None
        self.cuts = 0
        self._wanted = 1
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_once(self, is_due: Callable[[], bool], times: int = 1) -> None:
        self.is_due, self.cuts, self._wanted = is_due, 0, times

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            engine = socket.create_connection(("127.0.0.1", self._target))
            threading.Thread(target=_copy, args=(client, engine), daemon=True).start()
            threading.Thread(target=self._answer, args=(engine, client), daemon=True).start()

    def _answer(self, engine: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := engine.recv(1 << 16):
                if self.is_due is not None and self.is_due():
                    self.cuts += 1
                    self.is_due = self.is_due if self.cuts < self._wanted else None
                    break
                client.sendall(data)
        for each in (engine, client):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
