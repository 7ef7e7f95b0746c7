"""From where the present request came, for the audit: set by the gate, read by the journal."""

from __future__ import annotations

from contextvars import ContextVar

ENGINE = "engine"  # the engine itself: a timer, a trigger, a recovery
origin: ContextVar[str] = ContextVar("origin", default=ENGINE)
