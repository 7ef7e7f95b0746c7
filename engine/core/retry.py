"""When a failed attempt is tried again, and after how long. Pure."""

from __future__ import annotations

import hashlib
from typing import Any


def matches(patterns: list[str], error_type: str) -> bool:
    """Whether an error type is one of `patterns` (`any`, exact, or a class such as `http:5xx`)."""
    return any(_fits(pattern, error_type) for pattern in patterns)


def _fits(pattern: str, error_type: str) -> bool:
    if pattern in ("any", error_type):
        return True
    if pattern.startswith("http:") and pattern.endswith("xx"):
        return error_type.startswith(pattern[:-2]) and len(error_type) == len(pattern)
    return pattern in ("exit", "signal", "http") and error_type.startswith(pattern + ":")


def delay_us(policy: dict[str, Any], failed_attempts: int, seed: str) -> int:
    """Microseconds until the next attempt after `failed_attempts` (1 or more).

    min(max_delay, delay * backoff^(n-1)), then ± jitter as a share, drawn from `seed` so that
    a replay of the journal draws the same.
    """
    delay_s: float = policy["delay_s"] * policy["backoff"] ** min(failed_attempts - 1, 1000)
    if policy["max_delay_s"] is not None:
        delay_s = min(policy["max_delay_s"], delay_s)
    if policy["jitter"]:
        digest = hashlib.sha256(f"{seed}/{failed_attempts}".encode()).digest()
        share = int.from_bytes(digest[:8], "big") / 2**63 - 1
        delay_s *= 1 + policy["jitter"] * share
    return max(0, round(min(delay_s, 10 * 365 * 86400.0) * 1_000_000))
