"""How an attempt has ended, as the inside of the answer's JSON object."""

from __future__ import annotations

import json
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MESSAGE_LIMIT = 4096
NAME_LIMIT = 256
FOLDER = __file__.rpartition("/")[0] + "/"
dump = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def returned(value: object, limit: int) -> str:
    """The answer for a value: a mapping is the outputs, anything else is called result."""
    outputs = value if isinstance(value, dict) else {"result": value}
    try:
        text = dump(outputs)
    except (TypeError, ValueError, RecursionError) as error:
        return failed("output", f"what the step returned is no JSON: {error}", 0)
    if len(text) > limit:
        return failed("output", f"the outputs are over {limit} bytes; use a file", 0)
    return f'"exit_code":0,"outputs":{text},"error":null'


def raised(error: BaseException) -> str:
    """The answer for an exception; the traceback goes to stderr, without our own frames."""
    import traceback

    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename.startswith(FOLDER):
        frames = frames.tb_next
    try:
        traceback.print_exception(type(error), error, frames)
        message = str(error)
    except BaseException as second:  # an exception that cannot be shown is still an outcome
        message = f"(its text cannot be shown: {type(second).__name__})"
    kind = type(error)
    name = kind.__qualname__
    if kind.__module__ not in ("builtins", "__main__"):
        name = f"{kind.__module__}.{name}"
    return failed(name[:NAME_LIMIT], message[:MESSAGE_LIMIT], 1)


def told(kind: str, message: str, more: dict[str, Any]) -> str:
    """The answer of a step that is Wingman's own code, and knows the type of its error."""
    error = dump({"type": kind, "message": message[:MESSAGE_LIMIT], **more})
    exit_code = "0" if kind == "output" else "null"  # the request itself was good
    return f'"exit_code":{exit_code},"outputs":{{}},"error":{error}'


def failed(kind: str, message: str, exit_code: int) -> str:
    """The answer for an error."""
    error = dump({"type": kind, "message": message})
    return f'"exit_code":{exit_code},"outputs":{{}},"error":{error}'


def exited(exit_: SystemExit) -> str:
    """The answer for an exit: its code as the interpreter would make it, its text as the error."""
    code = exit_.code
    if code is None or isinstance(code, int):
        return f'"exit_code":{(code or 0) & 0xFF},"outputs":{{}},"error":null'
    try:
        text = str(code)
        sys.stderr.write(f"{text}\n")
    except BaseException as error:  # whatever its text raises is the step's outcome
        return raised(error)
    return failed("exit:1", text[:MESSAGE_LIMIT], 1)
