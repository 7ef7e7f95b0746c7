"""The sandbox's own process: one request after the other on a socket, under limits.

Started by `client`, which kills it when a request takes too long. It writes no file, opens no
connection, and ends when the socket does. A frame is a 4-byte big-endian length and JSON.
"""

from __future__ import annotations

import base64
import json
import os
import resource
import struct
from collections.abc import Callable
from typing import Any

from engine.errors import ExpressionError, FlowFileError, WingmanError

LIMIT_FRAME_BYTES = 64 << 20
LIMIT_MEMORY_BYTES = 1 << 30
LIMIT_CPU_S = 15  # of one request; the client is stricter, this holds when it is dead


def main() -> None:
    """Serve requests on descriptor 0 until it ends."""
    channel = os.dup(0)
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1):
        os.dup2(null, descriptor)
    _limit()
    _load()
    _write(channel, {"ready": True})
    while (request := _read(channel)) is not None:
        _limit_cpu()
        _write(channel, _answer(request))


def _limit() -> None:
    """Bounds that hold whatever a request does."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT_MEMORY_BYTES, LIMIT_MEMORY_BYTES))


def _limit_cpu() -> None:
    """CPU seconds for one request, counted from now."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    used_s = int(usage.ru_utime + usage.ru_stime) + 1
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (used_s + LIMIT_CPU_S, hard))


def _load() -> None:
    """Import what requests need before the first one."""
    from engine.expression.functions import known
    from engine.expression.library import cel
    from engine.flowfile import compile as _compile  # noqa: F401

    known()
    cel()


def _compile(request: dict[str, Any]) -> Any:
    from engine.flowfile.compile import compile_flow

    return compile_flow(base64.b64decode(request["data"]), request["source"])


def _evaluate(request: dict[str, Any]) -> Any:
    from engine.expression import evaluate

    return evaluate(request["expression"], request["names"], masked=request["masked"], heavy=True)


def _resolve(request: dict[str, Any]) -> Any:
    from engine.expression import resolve

    return resolve(request["value"], request["names"], masked=request["masked"], heavy=True)


def _trials(request: dict[str, Any]) -> Any:
    from engine.rehearsal.trials import run_tests

    return [trial.to_json() for trial in run_tests(request["definition"])]


_OPERATIONS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "compile": _compile, "evaluate": _evaluate, "resolve": _resolve, "trials": _trials,
}


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    error_class = FlowFileError if request["op"] == "compile" else ExpressionError
    try:
        return {"ok": _OPERATIONS[request["op"]](request)}
    except WingmanError as error:
        return {"error": error.to_json()}
    except MemoryError:
        return {"error": error_class("it needs too much memory", "make it smaller").to_json()}
    except Exception as error:  # a fault of ours must reach the engine, not end the process
        what = f"{type(error).__name__}: {error}"
        return {"error": error_class(f"a fault in Wingman: {what[:300]}",
                                     "please report it").to_json()}


def _read(channel: int) -> dict[str, Any] | None:
    header = _exactly(channel, 4)
    if header is None:
        return None
    body = _exactly(channel, struct.unpack(">I", header)[0])
    return None if body is None else json.loads(body)


def _exactly(channel: int, size_bytes: int) -> bytes | None:
    """That many bytes, or None at the end of the stream."""
    received = bytearray()
    while len(received) < size_bytes:
        chunk = os.read(channel, min(size_bytes - len(received), 1 << 20))
        if not chunk:
            return None
        received += chunk
    return bytes(received)


def _write(channel: int, reply: dict[str, Any]) -> None:
    try:
        body = json.dumps(reply).encode()
    except (ValueError, TypeError, RecursionError, MemoryError) as error:
        body = json.dumps({"error": ExpressionError(
            f"the result cannot be passed on: {error}").to_json()}).encode()
    if len(body) > LIMIT_FRAME_BYTES:
        body = json.dumps({"error": ExpressionError(
            "the result is too large", "keep data in files").to_json()}).encode()
    view = memoryview(struct.pack(">I", len(body)) + body)
    while view:
        view = view[os.write(channel, view):]


if __name__ == "__main__":
    main()
