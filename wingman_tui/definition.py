"""The flow file that an execution started with, and where in it a step stands.

Held by the screen of an execution, whose details show it where there is room. Asked once for each
execution: what it started with never changes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from wingman_tui.app import WingmanApp

SECTION = "\0"  # begins the key of a section such as `finally`
_NAMES = r"[A-Za-z_]\w*"


class Passage(NamedTuple):
    """Some lines of a file, and the number of the first one."""

    first: int
    rows: list[str]


NOWHERE = Passage(1, [])


def passage_of(text: str, key: str) -> Passage:
    """The lines that say what a step is, or a section; a batch is what its step is."""
    rows = text.rstrip("\n").split("\n")
    if not key:
        return Passage(1, rows)
    if key.startswith(SECTION):
        at = next((at for at, row in enumerate(rows) if row.startswith(f"{key[1:]}:")), None)
        return NOWHERE if at is None else _below(rows, at)
    names = [part for part in key.split("/") if re.fullmatch(_NAMES, part)]
    if not names:
        return NOWHERE
    says = re.compile(rf"(?:^|[\s{{,-])id:\s*[\"']?{names[-1]}[\"']?\s*(?:[,}}#]|$)")
    at = next((at for at, row in enumerate(rows) if says.search(row)), None)
    return NOWHERE if at is None else _below(rows, _begin(rows, at))


def _begin(rows: list[str], at: int) -> int:
    """Where the step begins whose name stands here: another key may come before the name."""
    if "{" in rows[at].partition("id:")[0]:
        return at
    place = _indent(rows[at])
    while at > 0 and not (rows[at].lstrip().startswith("- ") and _indent(rows[at]) <= place):
        at -= 1
    return at


def _below(rows: list[str], at: int) -> Passage:
    """A line with all that is moved in below it."""
    end, place = at + 1, _indent(rows[at])
    while end < len(rows) and (not rows[end].strip() or _indent(rows[end]) > place):
        end += 1
    while not rows[end - 1].strip():
        end -= 1
    return Passage(at + 1, rows[at:end])


def _indent(row: str) -> int:
    return len(row) - len(row.lstrip(" "))


class Definition:
    """The file of the opened execution, once it was asked for and has come."""

    def __init__(self, app: WingmanApp, came: Callable[[], None]) -> None:
        self._app = app
        self._came = came
        self._of = ""
        self._text = ""
        self._found: dict[str, Passage] = {}  # a file may be long, and its panel is live

    def passage(self, key: str) -> Passage:
        """The lines that say what a step is, once the file is there."""
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = passage_of(self._text, key) if self._text else NOWHERE
        return found

    def ask(self, execution: str) -> None:
        """See to it that the text is the one of this execution."""
        session = self._app.session
        if execution == self._of or not session.is_live:
            return
        self._of = execution
        self._take("")

        def came(answer: dict[str, Any]) -> None:
            if execution == self._of:
                self._take(str(answer["text"]))
                self._came()

        # who may not read it sees all else
        self._app.carry_out(
            session.explain(execution, "definition"), came, on_refusal=lambda _: None
        )

    def _take(self, text: str) -> None:
        self._text = text
        self._found.clear()
