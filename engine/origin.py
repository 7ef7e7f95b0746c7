"""Of the present request: from where it came, and by which key. Read by the journal.

Set by the gate and by `server.once`; with the line that a change writes into the audit goes, into
the same transaction, the mark that its key has been used.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass

ENGINE = "engine"  # the engine itself: a timer, a trigger, a recovery
origin: ContextVar[str] = ContextVar("origin", default=ENGINE)


@dataclass(slots=True)
class Asked:
    """A request with a key: hashes over both; whether the journal has its mark."""

    id: str
    request: str
    is_marked: bool = False


asked: ContextVar[Asked | None] = ContextVar("asked", default=None)
