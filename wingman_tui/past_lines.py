"""The lines that were typed before: filters, searches and commands, kept for the next console.

Held by the app, asked by the prompt. A small file that only its owner reads; one that is damaged is
an empty one, for nothing that matters is in it. Standard library only.
"""

from __future__ import annotations

import json
import os

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
        try:
            with open(self._path, encoding="utf-8") as file:
                found = json.load(file)
        except (OSError, ValueError):
            return
        if not isinstance(found, dict):
            return
        for kind, lines in found.items():
            if isinstance(lines, list):
                old = [line for line in lines if isinstance(line, str)]
                here = self.of(kind)
                kept = [line for line in old if line not in here] + here
                self._lines[str(kind)] = kept[-LIMIT_LINES:]

    def save(self) -> None:
        """Leave them for the next console; a disk that is full keeps the older ones."""
        part = f"{self._path}.{os.getpid()}.part"
        try:
            os.makedirs(os.path.dirname(part), mode=0o700, exist_ok=True)
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(descriptor, "w", encoding="utf-8") as file:
                json.dump(self._lines, file, ensure_ascii=False)
            os.replace(part, self._path)
        except OSError:
            return
