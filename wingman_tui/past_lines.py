"""The lines that were typed before: filters, searches and commands, kept for the next console.

Held by the app, asked by the prompt. A small file that only its owner reads; one that is damaged is
an empty one, for nothing that matters is in it.
"""

from __future__ import annotations

from wingman_tui.kept import read_json, write_json

LIMIT_LINES = 200  # of each kind
LIMIT_CHARACTERS = 500


class PastLines:
    """Lines by kind, the newest last."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._lines: dict[str, list[str]] = {}

    def of(self, kind: str) -> list[str]:
        """The lines of a kind, the newest last."""
        return self._lines.get(kind, [])

    def add(self, kind: str, line: str) -> bool:
        """Remember a line as the newest of its kind; False when it was that already."""
        held = self.of(kind)
        if not line or len(line) > LIMIT_CHARACTERS or held[-1:] == [line]:
            return False
        self._lines[kind] = [*(old for old in held if old != line), line][-LIMIT_LINES:]
        return True

    def load(self) -> None:
        """Take in what an earlier console has left, before what was typed here."""
        self._lines = self._with_what_is_kept()

    def save(self) -> None:
        """Leave them for the next console; a disk that is full keeps the older ones."""
        write_json(self._path, self._with_what_is_kept())

    def _with_what_is_kept(self) -> dict[str, list[str]]:
        """The file's lines, before those that are held here: another console may have left some."""
        all_lines = dict(self._lines)
        for kind, lines in read_json(self._path).items():
            if isinstance(lines, list):
                old = [line for line in lines if isinstance(line, str)]
                here = self.of(kind)
                kept = [line for line in old if line not in here] + here
                all_lines[str(kind)] = kept[-LIMIT_LINES:]
        return all_lines
