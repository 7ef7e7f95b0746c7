"""What a request to start something must be like, and what tells two apart. For the service."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from typing import Any

import msgspec

from engine.errors import Conflict, UsageError
from engine.library import FILE_LIMIT_BYTES

TRIGGER = re.compile(r"[a-z][a-z0-9_-]{0,31}")
SOURCE_LIMIT = 4096


def check_words(request: dict[str, Any]) -> None:
    """What of a start request is stored as it is must be as short and plain as it is meant."""
    trigger, source = request.get("trigger"), request.get("source") or ""
    if trigger and not TRIGGER.fullmatch(trigger):
        raise UsageError("a trigger is a word such as manual", "leave it out")
    if len(source) > SOURCE_LIMIT or "\0" in source:
        raise UsageError("the source is no file's path", "leave it out")


def digest_of(request: dict[str, Any]) -> str:
    """What tells two requests of the same idempotency key apart."""
    return hashlib.sha256(msgspec.json.encode(request, order="deterministic")).hexdigest()


def other_request(key: str) -> Conflict:
    return Conflict(
        f"the idempotency key {key!r} belongs to another request",
        "take a new key for a new request",
    )


def present_text(source: str) -> bytes | None:
    """The text of a flow's file as it is now; None where there is no ordinary file any more."""
    if not source:
        return None
    try:
        descriptor = os.open(source, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None  # a pipe or a terminal: what it held is what we have
        return os.read(descriptor, FILE_LIMIT_BYTES + 1)
    finally:
        os.close(descriptor)
