"""Times as text and back. Pure; standard library only."""

from __future__ import annotations

from datetime import UTC, datetime


def to_text(at_us: int | None) -> str | None:
    """`YYYY-MM-DDTHH:MM:SS.ffffffZ`, or None for None."""
    if at_us is None:
        return None
    moment = datetime.fromtimestamp(at_us // 1_000_000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at_us % 1_000_000:06d}Z"


def from_text(text: str) -> int:
    """Microseconds of an RFC 3339 time. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1_000_000)
