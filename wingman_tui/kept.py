"""What the console keeps for its operator from one day to the next: theme, named filters, watches.

Held by the app. `config.toml` is the operator's own and is never written; what it says wins. A file
that is damaged is an empty one. Each change is made to what the file says then: another console of
the same home may have written it. Standard library only.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

NAME_LIMIT, FILTERS_LIMIT = 40, 200


class Kept:
    """A few choices, read at the start and written when one changes."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._take(read_json(path))

    def _take(self, found: dict[str, Any]) -> None:
        theme, filters, watched = (found.get(key) for key in ("theme", "filters", "watched"))
        self.theme = theme if isinstance(theme, str) else ""
        self.filters: dict[str, str] = {
            str(name): text
            for name, text in (filters.items() if isinstance(filters, dict) else ())
            if isinstance(text, str)
        }
        self.watched: list[str] = (
            [name for name in watched if isinstance(name, str)] if isinstance(watched, list) else []
        )

    def save(self) -> None:
        """Write them down; a disk that is full keeps the older ones."""
        write_json(
            self._path, {"theme": self.theme, "filters": self.filters, "watched": self.watched}
        )

    def _look_again(self) -> None:
        """Take in what another console has kept; without a file, what is held here stays."""
        found = read_json(self._path)
        if found:
            self._take(found)

    def choose_theme(self, name: str) -> None:
        """The theme of the next console."""
        self._look_again()
        self.theme = name

    def name_filter(self, name: str, text: str) -> str:
        """Keep a filter under a name, or forget it when the text is empty; what is wrong."""
        self._look_again()
        if not text:
            self.filters.pop(name, None)
            return ""
        if len(name) > NAME_LIMIT or not name.replace("-", "").replace("_", "").isalnum():
            return f"a name is letters, digits, - and _, {NAME_LIMIT} at most"
        if len(self.filters) >= FILTERS_LIMIT and name not in self.filters:
            return f"{FILTERS_LIMIT} filters have a name already"
        self.filters[name] = text
        return ""

    def watch(self, flow: str) -> bool:
        """Watch a flow, or no longer; True when it is watched now."""
        was_watched = flow in self.watched
        self._look_again()
        self.watched = [name for name in self.watched if name != flow]
        if not was_watched:
            self.watched.append(flow)
        return not was_watched


def read_json(path: str) -> dict[str, Any]:
    """The object in a file; empty where there is none that can be read."""
    try:
        found = json.loads(Path(path).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write_json(path: str, value: Any) -> None:
    """Replace a small file that only its owner reads, whole or not at all."""
    part = f"{path}.{os.getpid()}.part"
    try:
        os.makedirs(os.path.dirname(part), mode=0o700, exist_ok=True)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            json.dump(value, file, ensure_ascii=False)
        os.replace(part, path)
    except OSError:
        return
