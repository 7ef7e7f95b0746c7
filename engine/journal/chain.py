"""The audit's chain: each line carries a hash over itself and the hash of the line before it.

Whoever changes, inserts or takes out a line has to write all later hashes anew; that this was done
is seen by the signed checkpoints outside of the database (`engine.audit`).
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, NamedTuple

import apsw

from engine.journal.database import queries
from engine.jsontext import whole

BEGIN = ""  # what stands before the first line
# made once: `json.dumps` makes one for each call that wants other separators
_encode = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode


class Line(NamedTuple):
    """One line of the audit, as it is stored."""

    seq: int
    at_us: int
    actor: str
    action: str
    subject: str
    reason: str
    origin: str
    hash: str = ""


class Head(NamedTuple):
    """The end of the chain: how many lines there are, and the hash of the last."""

    seq: int
    hash: str


def link(before: str, line: Line) -> Line:
    """The line with its hash in the chain."""
    parts = line[:-1]
    text = _encode([before, *parts])
    return Line(*parts, hashlib.sha256(text.encode("ascii")).hexdigest())


class Chain:
    """The end of the chain, where lines are added."""

    def __init__(self, head: Head) -> None:
        self.head = head

    def add(self, at_us: int, *texts: str) -> Line:
        """The next line: actor, action, subject, reason, origin."""
        line = Line(self.head.seq + 1, at_us, *map(whole, texts))
        line = link(self.head.hash, line)
        self.head = Head(line.seq, line.hash)
        return line


def open_chain(connection: apsw.Connection) -> Chain:
    """The chain of a journal; lines of an older program are taken into it, once."""
    named = queries()
    head = Head(0, BEGIN)
    if connection.execute(named["audit_unchained"]).get is not None:
        with connection:
            for row in connection.execute(named["audit_lines"], (0,)).fetchall():
                line = link(head.hash, Line(*row))  # type: ignore[arg-type]
                connection.execute(named["chain_audit"], (line.hash, line.seq))
                head = Head(line.seq, line.hash)
    else:
        found: Any = connection.execute(named["audit_head"]).fetchone()
        head = Head(*found) if found else head
    return Chain(head)
