"""Identity: UUIDv7 for executions (sortable by time), attempt ids. Standard library only."""

from __future__ import annotations

import hashlib
import os


def new_execution_id(now_us: int) -> str:
    """A UUIDv7 (RFC 9562) of the given time, as text."""
    return _uuid7(now_us, os.urandom(10))


def child_execution_id(execution: str, path: str, now_us: int) -> str:
    """The id of the execution that a step calls, known before it exists."""
    return _uuid7(now_us, hashlib.sha256(f"{execution}/{path}/{now_us}".encode()).digest()[:10])


def _uuid7(now_us: int, noise: bytes) -> str:
    random = int.from_bytes(noise, "big")
    value = (now_us // 1000) << 80 | 0x7 << 76 | (random >> 64 & 0xFFF) << 64
    value |= 0b10 << 62 | random & (1 << 62) - 1
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def attempt_id(execution: str, number: int) -> str:
    """The id that engine and runner give one attempt."""
    return f"{execution}:{number}"


def split_attempt_id(attempt: str) -> tuple[str, int]:
    """Execution id and attempt number of an attempt id."""
    execution, _, number = attempt.rpartition(":")
    return execution, int(number)


def idempotency_key(execution: str, path: str) -> str:
    """The key a step may hand to others: the same for all attempts of the step."""
    return hashlib.sha256(f"{execution}/{path}".encode()).hexdigest()[:32]
