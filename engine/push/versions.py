"""The versions that a flow's file has had: kept in the journal before the file is replaced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.errors import UnknownReference
from engine.journal.database import queries
from engine.journal.history import History
from engine.times import to_text

KEPT = 50  # of one file
FOUND, ROLLBACK = "found", "rollback"
LEAST_DIGITS = 6
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kept:
    """One version, without its text."""

    at_us: int
    version: str
    by: str
    origin: str
    action: str
    reason: str
    size_bytes: int
    is_written: int  # it has been in the file's place

    def to_json(self, present: str | None, *, is_newest: bool) -> Row:
        return {
            "version": self.version,
            "at": to_text(self.at_us),
            "by": self.by,
            "origin": self.origin,
            "action": self.action,
            "reason": self.reason,
            "size_bytes": self.size_bytes,
            "present": is_newest,
            "unfinished": not self.is_written and self.version != present,
        }


def versions_of(history: History, path: str) -> list[Kept]:
    """The versions that were kept of a file, newest first."""
    rows = history.connection.execute(queries()["pushed_of"], (path,))
    return [Kept(*row) for row in rows]


def text_of(history: History, path: str, version: str) -> str:
    """The text of a kept version. Raises UnknownReference."""
    text = history.connection.execute(queries()["pushed_text"], (path, version)).get
    if text is None:
        raise UnknownReference(f"version {version[:12]} is not kept any more")
    return str(text)


def named(kept: Sequence[Kept], word: str) -> str:
    """The version that a prefix of it means. Raises UnknownReference."""
    versions = dict.fromkeys(each.version for each in kept)
    found = [each for each in versions if each.startswith(word.lower())]
    if len(word) < LEAST_DIGITS or len(found) != 1:
        what = "means several versions" if len(found) > 1 else "is no version that was kept"
        listed = ", ".join(each[:12] for each in list(versions)[:5]) or "none"
        raise UnknownReference(
            f"{word[:64]!r} {what}", f"{LEAST_DIGITS} or more of its digits; kept: {listed}"
        )
    return found[0]


def former(kept: Sequence[Kept], present: str | None) -> str:
    """The version before the present one: of two rollbacks the second goes one further back.

    Raises UnknownReference where none is kept.
    """
    written = [each for each in kept if each.is_written]
    if present is None and written:
        return written[0].version  # the file is gone: what it was last
    rows = [each for each in written if each.action != ROLLBACK]
    place = next((n for n, each in enumerate(rows) if each.version == present), -1)
    for each in rows[place + 1 :]:
        if each.version != present:
            return each.version
    raise UnknownReference(
        "no earlier version is kept", "they are from the first push on: wingman flows history FLOW"
    )
