"""The engine's side of the sandbox: one process, started when needed, killed when too slow.

Called in the engine's event loop, which never waits for more than a socket. Requests queue; the
time limit of one counts from the moment it is handed over. Light to import.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import signal
import socket
import struct
import sys
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec

from engine.errors import ExpressionError, FlowFileError, WingmanError, from_json
from engine.expression import NOW, cut, is_template, parts_of, scan
from engine.expression.scan import Reference

_START_LIMIT_S = 30.0
_WAIT_FACTOR = 10  # so many times its limit is waited for an answer on a busy machine
_LOOK_AGAIN_S = 0.02
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_LIMIT_FRAME_BYTES = 64 << 20
_PROGRAM = "import sys; sys.path[:] = sys.argv[1:]; from engine.sandbox.process import main; main()"


class _Ended(Exception):
    """The process is gone."""


class _Child:
    """One process of the sandbox, and the socket to it."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        with theirs:
            self.pid = _spawn(theirs)
        ours.setblocking(False)
        self.socket = ours
        self.served = 0
        self.ready = False
        self.ended = asyncio.Event()
        self._pidfd = os.pidfd_open(self.pid)
        self.loop.add_reader(self._pidfd, self._reap)

    async def ask(self, body: bytes) -> dict[str, Any]:
        """Send one frame, receive one."""
        try:
            await self.loop.sock_sendall(self.socket, struct.pack(">I", len(body)) + body)
            return await self.receive()
        except OSError as error:
            raise _Ended from error

    async def receive(self) -> dict[str, Any]:
        """The next frame."""
        (size_bytes,) = struct.unpack(">I", await self._exactly(4))
        if size_bytes > _LIMIT_FRAME_BYTES:
            raise _Ended
        reply: dict[str, Any] = msgspec.json.decode(await self._exactly(size_bytes))
        return reply

    async def _exactly(self, size_bytes: int) -> bytes:
        received = bytearray()
        while len(received) < size_bytes:
            try:
                chunk = await self.loop.sock_recv(
                    self.socket, min(size_bytes - len(received), 1 << 20))
            except OSError as error:
                raise _Ended from error
            if not chunk:
                raise _Ended
            received += chunk
        return bytes(received)

    def cpu_s(self) -> float:
        """The time that it has worked; 0 where it has ended."""
        try:
            with open(f"/proc/{self.pid}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / _TICKS_A_SECOND

    def close(self) -> None:
        """Let it end: it leaves when its socket closes."""
        self.socket.close()

    def kill(self) -> None:
        """End it now."""
        self.socket.close()
        if not self.ended.is_set():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def _reap(self) -> None:
        self.loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, os.WNOHANG)
        self.ended.set()


def _spawn(theirs: socket.socket) -> int:
    """Start the process with nothing of ours but its end of the socket."""
    arguments = [sys.executable, "-I", "-S", "-c", _PROGRAM, *filter(None, sys.path)]
    descriptor = theirs.fileno()
    return os.posix_spawn(
        sys.executable, arguments, {"LC_ALL": "C.UTF-8"},
        file_actions=[
            (os.POSIX_SPAWN_DUP2, descriptor, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        ],
        setpgroup=0, setsigmask=[], setsigdef=sorted(signal.valid_signals() - {
            signal.SIGKILL, signal.SIGSTOP}),
    )


class Sandbox:
    """Compiles flow files and evaluates costly expressions in a process apart."""

    def __init__(self, *, evaluate_limit_s: float = 1.0, compile_limit_s: float = 10.0,
                 idle_s: float = 20.0) -> None:
        self._evaluate_limit_s = evaluate_limit_s
        self._compile_limit_s = compile_limit_s
        self._idle_s = idle_s
        self._lock = asyncio.Lock()
        self._child: _Child | None = None
        self._idle: asyncio.TimerHandle | None = None

    async def compile(self, data: bytes, source: str) -> dict[str, Any]:
        """The compiled flow; raises FlowFileError with every problem."""
        request = {"op": "compile", "data": base64.b64encode(data).decode(), "source": source}
        problem = {"line": 1, "column": 1, "what": "the file cannot be read within the limits",
                   "hint": "make it smaller"}
        refused = FlowFileError(f"{source}:1:1: {problem['what']} ({problem['hint']})",
                                problems=[problem])
        compiled: dict[str, Any] = await self._ask(request, self._compile_limit_s, refused)
        return compiled

    async def evaluate(self, expression: str, names: Mapping[str, Any], *,
                       masked: Collection[str] = ()) -> Any:
        """The expression's value; raises ExpressionError, also when it takes too long."""
        return await self._ask({
            "op": "evaluate", "expression": expression, "masked": sorted(masked),
            "names": _needed([expression], names),
        }, self._evaluate_limit_s, self._too_costly(expression))

    async def resolve(self, value: Any, names: Mapping[str, Any], *,
                      masked: Collection[str] = ()) -> Any:
        """The tree with its templates filled in; raises ExpressionError."""
        expressions = list(_expressions_of(value))
        return await self._ask({
            "op": "resolve", "value": value, "masked": sorted(masked),
            "names": _needed(expressions, names),
        }, self._evaluate_limit_s, self._too_costly(", ".join(expressions)))

    async def trials(self, definition: Mapping[str, Any], limit_s: float) -> list[dict[str, Any]]:
        """How each test of a compiled flow went; raises ExpressionError for what takes too long."""
        refused = ExpressionError(
            f"the tests of {definition['name']} take more than {limit_s:g} s or too much memory",
            "make them smaller")
        found: list[dict[str, Any]] = await self._ask(
            {"op": "trials", "definition": definition}, limit_s, refused)
        return found

    def prestart(self) -> None:
        """Start the process now, so that the next request does not wait for it."""
        if self._child is None or self._child.ended.is_set():
            self._child = _Child()
            self._rest()

    async def close(self) -> None:
        """End the process and wait for its end."""
        if self._idle is not None:
            self._idle.cancel()
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            await child.ended.wait()

    def _too_costly(self, text: str) -> ExpressionError:
        return ExpressionError(
            f"`{text[:120]}` takes more than {self._evaluate_limit_s:g} s or too much memory",
            "prepare the data in a step")

    async def _ask(self, request: dict[str, Any], limit_s: float, refused: WingmanError) -> Any:
        """One request and its answer; `refused` is raised when the process cannot manage."""
        try:
            body = msgspec.json.encode(request)
        except (TypeError, ValueError, RecursionError) as error:
            raise type(refused)(f"a value cannot be passed on: {error}") from None
        if len(body) > _LIMIT_FRAME_BYTES:
            raise refused
        async with self._lock:
            if self._idle is not None:
                self._idle.cancel()
            try:
                reply = await self._answered(body, limit_s, refused)
            finally:
                self._rest()
        if "error" in reply:
            raise from_json(reply["error"])
        return reply["ok"]

    async def _answered(self, body: bytes, limit_s: float,
                        refused: WingmanError) -> dict[str, Any]:
        """The answer; a process that died between two requests is replaced once."""
        while True:
            child = await self._started()
            try:
                reply = await _within(limit_s, child, body)
                child.served += 1
                return reply
            except TimeoutError:
                self._drop(child)
                raise refused from None
            except _Ended:
                self._drop(child)
                if child.served == 0:
                    raise refused from None
            except BaseException:  # cancelled: an answer that nobody waits for must not remain
                self._drop(child)
                raise

    async def _started(self) -> _Child:
        """A process that has said that it is ready."""
        if self._child is None or self._child.ended.is_set():
            self._child = _Child()
        child = self._child
        if not child.ready:
            try:
                async with asyncio.timeout(_START_LIMIT_S):
                    await child.receive()
            except (TimeoutError, _Ended):
                self._drop(child)
                raise WingmanError("the process for flow files and expressions does not start",
                                   "see `wingman doctor`") from None
            except BaseException:  # cancelled half-way through a frame
                self._drop(child)
                raise
            child.ready = True
        return child

    def _drop(self, child: _Child) -> None:
        child.kill()
        if self._child is child:
            self._child = None

    def _rest(self) -> None:
        """End the process when nothing asks for a while."""
        if self._idle is not None:
            self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(self._idle_s, self._end_idle)

    def _end_idle(self) -> None:
        if self._lock.locked() or self._child is None:
            return
        self._child.close()
        self._child = None


async def _within(limit_s: float, child: _Child, body: bytes) -> dict[str, Any]:
    """The child's answer; TimeoutError when it has worked for longer than it may.

    Its own work counts: on a busy machine, what takes a moment must not fail for having waited.
    """
    began_s, last = child.cpu_s(), child.loop.time() + limit_s * _WAIT_FACTOR
    asking = asyncio.ensure_future(child.ask(body))
    left_s = limit_s
    try:
        while not (await asyncio.wait({asking}, timeout=left_s))[0]:
            left_s = limit_s - (child.cpu_s() - began_s)
            if left_s <= 0 or child.loop.time() > last:
                raise TimeoutError
            left_s = max(left_s, _LOOK_AGAIN_S)
        return asking.result()
    finally:
        if not asking.done():
            asking.cancel()
            await asyncio.wait({asking})  # or the loop would forget a later socket of this number


def _needed(expressions: Iterable[str], names: Mapping[str, Any]) -> dict[str, Any]:
    """The names cut down to what the expressions read, and the time."""
    references: list[Reference] = []
    for expression in expressions:
        references += scan(expression).references
    kept = cut(references, names)
    return {**kept, NOW: names[NOW]} if NOW in names else kept


def _expressions_of(value: Any) -> Iterable[str]:
    """The expressions in a tree of templates."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            if is_template(item):
                yield from (part.text for part in parts_of(item).expressions)
        elif isinstance(item, Mapping):
            stack.extend(item.values())
        elif isinstance(item, list | tuple):
            stack.extend(item)
