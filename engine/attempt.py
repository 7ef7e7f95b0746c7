"""What an execution's row says of its present attempt. Light: console and commands read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def began_at(row: Mapping[str, Any]) -> str | None:
    """When the present attempt began; None of one that waits for it.

    `started_at` is when the first one began: a retry may follow days later.
    """
    found: str | None = row.get("attempt_started_at", row.get("started_at"))
    return found
