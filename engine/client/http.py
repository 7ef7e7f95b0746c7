"""A small HTTP/1.1 client for the engine's API. Standard library only, and light to import.

The command line and the console use it; `http.client` would cost each command 35 ms. One client
holds one kept-alive connection and belongs to one thread. Errors of the engine come back as the
classes of `engine.errors`; no engine, or one that stops answering, is `Unavailable`.
"""

from __future__ import annotations

import json
import os
import time

from engine.client.transport import UnixTransport
from engine.errors import Unavailable, UnknownReference, UsageError, WingmanError, from_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from engine.client.transport import Connection, Transport
    from engine.paths import Home

ANSWER_TIMEOUT_S = 60.0
RECONNECT_S = 5.0  # how long a change that got no answer tries to reach the engine again
CHANGE_TRIES = 5  # of one whose answer is lost
READ_BYTES = 256 * 1024
HEAD_LIMIT_BYTES = 64 * 1024
UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def quote(text: str) -> str:
    """`text` percent-encoded, fit for one segment of a path or one value of a query."""
    data = text.encode("utf-8", "surrogateescape")
    return "".join(chr(byte) if byte in UNRESERVED else f"%{byte:02X}" for byte in data)


def segment(name: str) -> str:
    """A reference or a flow's name as a part of a path. Raises UnknownReference for what is none.

    A server reads `%2F` as a `/`, so that such a name would reach another route.
    """
    if not name or "/" in name:
        raise UnknownReference(
            f"{name!r} names no execution and no flow",
            "an id, its last 6 characters or more, flow#12, flow@last(-failed) or @last",
        )
    return quote(name)


def with_query(path: str, **parameters: object) -> str:
    """`path` with the parameters that are not None, in the order given; booleans as true.

    A list stands for the parameter given several times; `from_` is written `from`.
    """
    pairs = [
        f"{name.rstrip('_')}={quote('true' if value is True else str(value))}"
        for name, values in parameters.items()
        for value in (values if isinstance(values, list) else [values])
        if value is not None and value is not False
    ]
    return f"{path}?{'&'.join(pairs)}" if pairs else path


def _transport(home: Home) -> Transport:
    """To the server that the environment names, else to the home's own engine."""
    if os.environ.get("WINGMAN_SERVER"):
        from engine.client.servers import current

        server = current()
        if server is not None:
            return server.transport()
    return UnixTransport(home.text("socket"))


class Client:
    """Talks to one engine; `transport` says where, see `_transport` when left out."""

    def __init__(self, home: Home, transport: Transport | None = None) -> None:
        self.home = home
        self._transport: Transport = transport or _transport(home)
        self._idle: Connection | None = None
        self.revive: Callable[[], None] | None = None  # starts the engine if it is gone
        self._answered = False

    def connect(self) -> None:
        """Open the connection now, so that a missing engine is known before the first request."""
        if self._idle is None:
            self._idle = self._transport.connect()

    def close(self) -> None:
        """Hang up; the next request connects again."""
        if self._idle is not None:
            self._idle.close()
            self._idle = None

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = ANSWER_TIMEOUT_S,
    ) -> dict[str, Any]:
        """The JSON object that answers; an engine's refusal is raised."""
        data = b"".join(self._send(method, path, body, headers, timeout_s))
        if not data:
            return {}
        try:
            answer = json.loads(data)
        except ValueError as error:
            raise WingmanError(f"the answer to {method} {path} is not JSON") from error
        return answer if isinstance(answer, dict) else {"value": answer}

    def change(
        self,
        method: str,
        path: str,
        body: Any = None,
        key: str = "",
        timeout_s: float | None = ANSWER_TIMEOUT_S,
    ) -> dict[str, Any]:
        """A request that changes something, done once even where its answer is lost.

        Without an answer it is asked again, some times, with the same Idempotency-Key.
        """
        headers = {"Idempotency-Key": key or os.urandom(16).hex()}
        is_unsure = False
        for tried in range(1, CHANGE_TRIES + 1):
            try:
                return self.request(method, path, body, headers, timeout_s)
            except Unavailable as error:
                self.close()
                is_unsure = is_unsure or isinstance(error, AnswerLost)
                lost = error
            try:
                if tried < CHANGE_TRIES:
                    self._reconnect(lost)
            except Unavailable as error:
                lost = error
                break
        raise _unsure(lost) if is_unsure else lost

    def _reconnect(self, lost: Unavailable) -> None:
        """Connect again, patiently. Raises `lost` if nobody answers."""
        deadline, pause_s = time.monotonic() + RECONNECT_S, 0.05
        while True:
            try:
                if self.revive is not None:
                    self.revive()
                self.connect()
                return
            except Unavailable:
                if time.monotonic() > deadline:
                    raise lost from None
            time.sleep(pause_s)
            pause_s = min(pause_s * 2, 1.0)

    def text(self, path: str) -> str:
        """A text answer, such as a flow's definition."""
        return b"".join(self._send("GET", path)).decode("utf-8", "replace")

    def stream(
        self, method: str, path: str, timeout_s: float | None = None
    ) -> Iterator[bytes]:
        """The answer's body as it arrives; its head has been read when this returns."""
        return self._send(method, path, timeout_s=timeout_s)

    def _send(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = ANSWER_TIMEOUT_S,
    ) -> Iterator[bytes]:
        was_idle = self._idle is not None
        connection = self._take()
        connection.set_timeout(timeout_s)
        sent = {**self._transport.headers, **(headers or {})}
        try:
            connection.send(_head_and_body(method, path, self._transport.host, body, sent))
            answer = _Answer(connection)
            self._answered = True
        except OSError as error:
            connection.close()
            if was_idle and method == "GET" and not isinstance(error, TimeoutError):
                # the other side has just closed what nobody used: asked again on a new line
                self._revive_first()
                return self._send(method, path, body, headers, timeout_s)
            raise _gone(error, timeout_s) from error
        except BaseException:
            connection.close()
            raise
        chunks = self._body(connection, answer, timeout_s)
        if answer.status >= 400:
            raise _refusal(answer.status, b"".join(chunks))
        return chunks

    def _take(self) -> Connection:
        connection, self._idle = self._idle, None
        if connection is not None:
            if connection.is_alive():
                return connection
            connection.close()
            self._revive_first()
            connection, self._idle = self._idle, None
        return connection or self._transport.connect()

    def _revive_first(self) -> None:
        """Start an engine that died between our connecting and our first question."""
        if self.revive is not None and not self._answered:
            self.revive()

    def _body(
        self, connection: Connection, answer: _Answer, timeout_s: float | None
    ) -> Iterator[bytes]:
        """The body's bytes; keeps the connection for the next request if all was read."""
        whole = False
        try:
            yield from answer.chunks()
            whole = answer.keeps_alive
        except OSError as error:
            raise _gone(error, timeout_s) from error
        finally:
            if whole and self._idle is None:
                self._idle = connection
            else:
                connection.close()


class AnswerLost(Unavailable):
    """What was asked for has left, and no answer came."""


class _Answer:
    """The answer to one request: its status and headers, then its body in chunks."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._held = b""
        self.status = 100
        while self.status < 200:  # 1xx only announce the answer
            head = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
            try:
                self.status = int(head[0].split(" ", 2)[1])
            except (IndexError, ValueError) as error:
                raise _no_http() from error
        pairs = (line.partition(":") for line in head[1:])
        self.headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        self._is_chunked = self.headers.get("transfer-encoding", "").lower() == "chunked"
        self._length = self.headers.get("content-length")
        if self._length is not None and not (self._length.isascii() and self._length.isdigit()):
            raise _no_http()
        framed = self._is_chunked or self._length is not None or self.status in (204, 304)
        self.keeps_alive = framed and self.headers.get("connection", "").lower() != "close"

    def chunks(self) -> Iterator[bytes]:
        """The body as it arrives."""
        if self._is_chunked:
            while size := self._chunk_size():
                yield from self._exactly(size)
                self._until(b"\r\n")
            while self._until(b"\r\n"):  # trailers
                pass
        elif self._length is not None:
            yield from self._exactly(int(self._length))
        elif self.status not in (204, 304):
            yield self._held
            while data := self._connection.receive(READ_BYTES):
                yield data

    def _chunk_size(self) -> int:
        try:
            return int(self._until(b"\r\n").split(b";")[0], 16)
        except ValueError as error:
            raise _no_http() from error

    def _more(self) -> bytes:
        data = self._connection.receive(READ_BYTES)
        if not data:
            raise ConnectionResetError("the engine hung up")
        return data

    def _until(self, mark: bytes) -> bytes:
        while (end := self._held.find(mark)) < 0:
            if len(self._held) > HEAD_LIMIT_BYTES:
                raise _no_http()
            self._held += self._more()
        found, self._held = self._held[:end], self._held[end + len(mark) :]
        return found

    def _exactly(self, size: int) -> Iterator[bytes]:
        while size:
            data = self._held or self._more()
            part, self._held = data[:size], data[size:]
            size -= len(part)
            yield part


def _head_and_body(
    method: str, path: str, host: str, body: Any, headers: Mapping[str, str] | None
) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}"]
    data = b""
    if body is not None:
        data = _encoded(body)
        lines += ["Content-Type: application/json"]
    if body is not None or method != "GET":
        lines += [f"Content-Length: {len(data)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if any("\r" in line or "\n" in line for line in lines):
        raise WingmanError("a header of the request holds a line break")
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + data


def _encoded(body: Any) -> bytes:
    """A body as JSON. Raises UsageError for what was typed, or is named, in another encoding."""
    try:
        return json.dumps(body, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        # by its name alone: the value may be a secret
        raise UsageError(
            f"`{_foreign(body, '') or '?'}` is no UTF-8 text",
            "it holds bytes of another encoding; iconv -t utf-8 changes them",
        ) from None


def _foreign(value: Any, name: str) -> str | None:
    """The name of the first text that is no UTF-8, also where it is the name itself."""
    if isinstance(value, dict):
        found = (_foreign(part, key) for key, item in value.items() for part in (key, item))
    elif isinstance(value, list):
        found = (_foreign(item, name) for item in value)
    else:
        is_foreign = isinstance(value, str) and any("\ud800" <= c <= "\udfff" for c in value)
        return name.encode("ascii", "backslashreplace").decode() if is_foreign else None
    return next((each for each in found if each is not None), None)


def _no_http() -> Unavailable:
    return Unavailable("what listens on the engine's socket does not speak HTTP")


def _unsure(lost: Unavailable) -> Unavailable:
    """What is to be told of a change that was sent, and never answered."""
    return Unavailable(
        f"{lost.message}, before it answered: it may have been done, or not",
        "look before you ask for it again: wingman list, wingman audit",
    )


def _gone(error: OSError, timeout_s: float | None) -> Unavailable:
    if isinstance(error, TimeoutError) and timeout_s is not None:
        return AnswerLost(
            f"the engine has not answered for {timeout_s:g} s",
            "see what it does: wingman engine status, wingman doctor",
        )
    return AnswerLost("the engine went away", "it may be restarting; try again")


def _refusal(status: int, data: bytes) -> WingmanError:
    try:
        return from_json(json.loads(data)["error"])
    except (ValueError, KeyError, TypeError, AttributeError):
        if status >= 500:  # it broke, or was ending: whether it did what was asked is not known
            return Unavailable(f"the engine could not answer ({status})", "wingman doctor")
        text = data[:200].decode("utf-8", "replace").strip()
        return WingmanError(f"the engine answered {status}: {text or 'nothing more'}")
