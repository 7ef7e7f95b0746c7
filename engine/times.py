"""Times as text and back. Pure; standard library only."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache


def to_text(at_us: int | None) -> str | None:
    """`YYYY-MM-DDTHH:MM:SS.ffffffZ`, or None for None."""
    if at_us is None:
        return None
    return f"{_second(at_us // 1_000_000)}.{at_us % 1_000_000:06d}Z"


@lru_cache(256)
def _second(unix_s: int) -> str:
    return f"{datetime.fromtimestamp(unix_s, UTC):%Y-%m-%dT%H:%M:%S}"


def from_text(text: str) -> int:
    """Microseconds of an RFC 3339 time. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1_000_000)
