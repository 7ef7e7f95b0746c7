"""Questions to the audit, answered from its table. Read-only."""

from __future__ import annotations

import json
from dataclasses import dataclass

import apsw

from engine.journal.chain import Line
from engine.journal.database import queries

SCAN_LIMIT = 100_000  # lines that one question looks at


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which lines of the audit are asked for; empty means all."""

    actor: str = ""
    action: str = ""
    text: str = ""
    since_us: int | None = None

    def fits(self, line: Line) -> bool:
        """Whether a line is one of them."""
        return (
            self.actor in ("", line.actor)
            and self.action in ("", line.action)
            and self.text.lower() in " ".join(line[2:7]).lower()
        )


def page(connection: apsw.Connection, before: int, limit: int, wanted: AuditFilter) -> list[Line]:
    """Lines that fit, newest first, below a number."""
    found: list[Line] = []
    for row in connection.execute(queries()["audit_page"], (before, SCAN_LIMIT)):
        line = Line(*row)
        if wanted.since_us is not None and line.at_us < wanted.since_us:
            break
        if wanted.fits(line):
            found.append(line)
            if len(found) == limit:
                break
    return found


def executions(connection: apsw.Connection, found: list[Line]) -> dict[str, str]:
    """What people call the executions that lines are about, by id."""
    subjects = json.dumps([line.subject for line in found])
    return dict(connection.execute(queries()["audit_executions"], (subjects,)))


def whole(connection: apsw.Connection) -> list[Line]:
    """Every line, for the check."""
    rows = connection.execute(queries()["audit_lines"], (0,))
    return [Line(*row) for row in rows]
