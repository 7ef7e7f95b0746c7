"""A small HTTP server on a home's socket, for what a real engine does not do on demand.

Routes are functions of the request; what they return is sent as JSON, bytes, or chunk by chunk.
"""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

from engine.errors import WingmanError
from engine.paths import Home


class Request:
    """What a route gets to see."""

    def __init__(self, method: str, path: str, headers: dict[str, str], body: Any) -> None:
        self.method = method
        self.path = path
        self.headers = headers
        self.body = body


Route = Callable[[Request], Any]


class FakeEngine:
    """Listens while it is entered; `requests` remembers what it was asked."""

    def __init__(self, home: Home, routes: dict[str, Route]) -> None:
        self.requests: list[Request] = []
        self.connections = 0
        self._home = home
        self._routes = routes

    def __enter__(self) -> FakeEngine:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                fake.connections += 1
                super().setup()

            def handle_any(self) -> None:
                fake._answer(self)

            do_GET = do_POST = handle_any

            def address_string(self) -> str:
                return "socket"

            def log_message(self, *_: Any) -> None:
                pass

        self._home.socket.unlink(missing_ok=True)
        self._server = socketserver.ThreadingUnixStreamServer(str(self._home.socket), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._home.socket.unlink(missing_ok=True)

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        size = int(handler.headers.get("Content-Length") or 0)
        data = handler.rfile.read(size)
        headers = {name.lower(): value for name, value in handler.headers.items()}
        body = json.loads(data) if data else None
        request = Request(handler.command, handler.path, headers, body)
        self.requests.append(request)
        route = self._routes.get(f"{handler.command} {handler.path.partition('?')[0]}")
        if route is None:
            error = {"code": "unknown_reference", "message": f"no route {handler.path}"}
            return _send(handler, 404, json.dumps({"error": error}).encode())
        try:
            found = route(request)
        except WingmanError as error:
            return _send(handler, error.status, json.dumps({"error": error.to_json()}).encode())
        if isinstance(found, Iterator):
            return _send_chunks(handler, found)
        data = found if isinstance(found, bytes) else json.dumps(found).encode()
        return _send(handler, 200, data)


def _send(handler: BaseHTTPRequestHandler, status: int, data: bytes) -> None:
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data)


def _send_chunks(handler: BaseHTTPRequestHandler, chunks: Iterator[bytes]) -> None:
    """`None` among the chunks cuts the connection, as an engine that is killed would."""
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    for chunk in chunks:
        if chunk is None:
            handler.close_connection = True
            handler.connection.shutdown(2)
            return
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        handler.wfile.flush()
    handler.wfile.write(b"0\r\n\r\n")


def execution(**changed: Any) -> dict[str, Any]:
    """A completed execution of one step, as `GET /v1/executions/REF` answers it."""
    found = {
        "id": "0199aaaa-bbbb-7ccc-8ddd-eeeeffff0001", "flow": "night", "number": 7,
        "state": "completed", "type": "", "tags": [], "trigger": "manual", "actor": "ann",
        "version": "5f" * 32, "attempt": 1, "debug": False,
        "started_at": "2026-03-01T03:00:00.000000Z", "ended_at": "2026-03-01T03:00:02.500000Z",
        "duration_ms": 2500, "inputs": {}, "outputs": {}, "warnings": 0, "waiting_for": None,
        "resumed_from": None, "rerun_of": None, "error": None,
        "steps": [step()], "created_at": "2026-03-01T03:00:00.000000Z",
    }  # fmt: skip
    return {**found, **changed}


def step(**changed: Any) -> dict[str, Any]:
    """A completed step."""
    found = {
        "id": "dump", "path": "dump", "state": "completed", "attempts": 1,
        "started_at": "2026-03-01T03:00:00.000000Z", "ended_at": "2026-03-01T03:00:02.500000Z",
        "duration_ms": 2500, "exit_code": 0, "error": None, "outputs": {}, "warnings": 0,
        "cpu_s": 0.5, "max_rss_bytes": 5_000_000, "kind": "run", "needs": [],
    }  # fmt: skip
    return {**found, **changed}
