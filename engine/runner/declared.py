"""What a step declared as its outputs, read, checked and masked at its end.

Role: called by ending.py. Imports the standard library and the runner's own parts, the readers of
outputs (engine.outputs) only when there is something to read.
"""

from __future__ import annotations

import os

from engine.runner.frames import FRAME_LIMIT_BYTES, dump_json
from engine.runner.items import collect_failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from engine.runner.attempt import Attempt
    from engine.runner.masking import Masker

    MaskerFor = Callable[[list[str]], Masker | None]

JSON_LIMIT_BYTES = FRAME_LIMIT_BYTES // 2  # escapes may multiply the size of what was read


def collect_outputs(attempt: Attempt, masker_for: MaskerFor) -> None:
    """Complete `outputs` and `error` of an attempt that has nothing running any more."""
    if attempt.output_fd >= 0:
        size_bytes = os.fstat(attempt.output_fd).st_size
        if size_bytes:
            limit_bytes = attempt.spec["output_limit_bytes"]
            attempt.declared = os.pread(attempt.output_fd, limit_bytes + 1, 0)
    capture = attempt.capture
    kept = capture.kept if capture is not None else None
    if "batch" in attempt.spec:
        collect_failed(attempt)
    if attempt.outputs:
        _check_returned(attempt)
    if attempt.declared or kept is not None:
        _read_outputs(attempt, kept)
    if attempt.error:
        message = attempt.error["message"]
        attempt.error["message"] = message.encode("utf-8", "backslashreplace").decode()
    if attempt.outputs and len(dump_json(attempt.outputs)) > JSON_LIMIT_BYTES:
        attempt.outputs = {}
        _fail(attempt, "the outputs are too large; write large values to a file")
    if attempt.outputs or attempt.error:
        masker = masker_for(attempt.spec["masks"])
        if masker is not None:
            attempt.outputs = masker.mask_json(attempt.outputs)  # secret numbers too
            if attempt.error:
                attempt.error["message"] = masker.mask_message(attempt.error["message"])


def _check_returned(attempt: Attempt) -> None:
    """What a Python step returned must be as storable as what a shell step declares."""
    from engine.outputs import OutputError, check_value, named

    try:
        check_value(named(attempt.outputs, "what the step returned"), "what the step returned")
    except OutputError as error:
        attempt.outputs = {}
        _fail(attempt, str(error))


def _read_outputs(attempt: Attempt, kept: bytearray | None) -> None:
    from engine.outputs import OutputError, parse_json_output, parse_outputs

    limit_bytes: int = attempt.spec["output_limit_bytes"]
    read: dict[str, Any] = {}
    try:
        if len(attempt.declared) > limit_bytes:
            raise OutputError(f"the outputs are over {limit_bytes} bytes; use a file")
        if attempt.declared:
            read.update(parse_outputs(attempt.declared))
        if kept is not None and attempt.exit_code == 0:
            if len(kept) > limit_bytes:
                raise OutputError(f"stdout, the output, is over {limit_bytes} bytes; use a file")
            read.update(parse_json_output(bytes(kept)))
    except OutputError as error:
        _fail(attempt, str(error))
    attempt.outputs = {**read, **attempt.outputs}


def _fail(attempt: Attempt, message: str) -> None:
    """Unreadable outputs fail a step that was good otherwise."""
    if attempt.error is None and attempt.exit_code == 0 and attempt.reason is None:
        attempt.error = {"type": "output", "message": message}
