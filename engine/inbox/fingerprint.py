"""Which failures are the same: the fingerprint of an error. Pure.

Two errors are the same where type and message are, without what differs each time (times, ids,
durations): in whatever step of whatever flow. A message that only repeats the type (an exit code, a
signal, a time limit) tells nothing of the cause: such errors are the same in one step of one flow.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from engine.insight.diff import plain

LENGTH = 12
MESSAGE_LIMIT = 1000  # characters that are looked at, and kept
# what says nothing beyond its type, or another value each time
_BARE = re.compile(r"(?:exit:|signal:).*|timeout|oom|cancelled|interrupted|lost|expect|any")
# how a step tells the failure of the execution that it has called
_CALLED = re.compile(
    r"(?P<flow>[a-z0-9][a-z0-9._-]{0,63})#\d+ (?:failed|cancelled): "
    r"(?:(?P<step>[A-Za-z_][\w/]*): )?(?P<message>.*)",
    re.DOTALL,
)


class Failure(NamedTuple):
    """How an execution has failed, as the inbox keeps it."""

    fingerprint: str
    type: str
    step: str  # its path in the execution; empty: the whole
    message: str


def failure_of(error: Mapping[str, Any] | None, flow: str, *, coarse: bool = False) -> Failure:
    """The failure that an execution's error tells.

    With `coarse`, whatever the message says: for a flow that fails in another way each time.
    """
    found = error or {}
    type_, step = str(found.get("type") or "any"), str(found.get("step") or "")
    message = str(found.get("message") or "")[:MESSAGE_LIMIT]
    cause_flow, cause_step, said = _cause(flow, step, message)
    if coarse or _BARE.fullmatch(type_):
        parts = [type_.encode(), cause_flow.encode(), cause_step.encode()]
    else:
        parts = [type_.encode(), plain(said.encode("utf-8", "replace"))]
    digest = hashlib.sha256(b"\0".join(parts)).hexdigest()[:LENGTH]
    return Failure(digest, type_, step, message)


def _cause(flow: str, step: str, message: str) -> tuple[str, str, str]:
    """Where it failed, and what was said there: inside of what was called, as deep as that went."""
    while (found := _CALLED.fullmatch(message)) is not None:
        flow, step, message = found["flow"], found["step"] or "", found["message"]
    return flow, step, message
