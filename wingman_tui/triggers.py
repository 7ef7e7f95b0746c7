"""The triggers as rows of a table, and the lines below it: ledger or moments. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.cells import cell_len

from wingman_tui.column_layout import Column
from wingman_tui.format import fit, fit_middle, when, wrap
from wingman_tui.sanitise import clean
from wingman_tui.view import Part, View

Row = Mapping[str, Any]
# outcome: glyph, its ASCII twin, role
OUTCOMES: Mapping[str, tuple[str, str, str]] = {
    "ran": ("✓", "+", "state_completed"),
    "late": ("◐", "%", "state_partial"),
    "skipped": ("–", "_", "state_skipped"),
    "missed": ("✗", "x", "state_failed"),
    "waiting": ("◌", "=", "state_waiting"),
}


NEWEST_LINES = 3  # of the reason of the newest occasion


@dataclass
class Ledger:
    """What became of a trigger's occasions, the newest first, as far as it is held."""

    rows: list[Any] = field(default_factory=list)
    next: int | None = None  # the key from which on older ones can be asked for


@dataclass
class TriggerRows:
    """The triggers that match the filter."""

    rows: dict[str, Row] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    loaded: bool = False
    text: str = ""
    total: int = 0  # how many match

    def apply(self, frame: Row) -> None:
        """Take a frame in."""
        self.rows = {str(row["name"]): row for row in frame.get("triggers", ())}
        self.loaded = True
        self.filter(self.text)

    def filter(self, text: str) -> None:
        """Keep those that hold every word."""
        self.text = text
        words = text.lower().split()
        self.names = [
            name
            for name, row in self.rows.items()
            if all(word in f"{name} {row['kind']} {row['what']}".lower() for word in words)
        ]
        self.total = len(self.names)

    def key_at(self, index: int) -> str | None:
        """The name at a place."""
        return self.names[index] if 0 <= index < len(self.names) else None

    def index_of(self, key: str) -> int | None:
        """The place of a name."""
        return self.names.index(key) if key in self.names else None

    def row(self, key: str) -> Row | None:
        """The trigger of a name."""
        return self.rows.get(key)


def coming(rows: Iterable[Row]) -> dict[str, Row]:
    """By flow, what starts it next: the earliest moment, else by what it is started, or paused."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        here = found.setdefault(str(row["flow"]), {"next": None, "kind": "", "paused": True})
        if row.get("paused") or row.get("problem"):
            continue
        here["paused"] = False
        here["kind"] = here["kind"] or ("" if row["kind"] == "schedule" else row["kind"])
        moments = [moment for moment in (here["next"], row.get("next")) if moment]
        here["next"] = min(moments, default=None)
    return dict(found)


def _outcome(outcome: str, view: View) -> Part:
    glyph, twin, role = OUTCOMES.get(outcome, ("?", "?", "text"))
    return (f"{view.glyph(glyph, twin)} {outcome}", role)


def _name(row: Row, view: View, width: int) -> Sequence[Part]:
    return [(fit_middle(clean(str(row["name"])), width).ljust(width)[:width], "strong")]


def _what(row: Row, view: View, width: int) -> Sequence[Part]:
    return [(fit(clean(str(row["what"])), width), "text")]


def _next(row: Row, view: View, width: int) -> Sequence[Part]:
    if row.get("paused"):
        return [(fit(f"{view.sign('paused')} paused", width), "state_paused")]
    if row.get("problem"):
        return [(fit("see below", width), "error")]
    if not row.get("next"):
        return [(fit("any time" if row["kind"] != "schedule" else "-", width), "muted")]
    return [(fit(when(row["next"], view.now(), view.zone), width), "text")]


def _last(row: Row, view: View, width: int) -> Sequence[Part]:
    last = row.get("last")
    if not last:
        return [(fit("never", width), "muted")]
    text, role = _outcome(str(last["outcome"]), view)
    return [(fit(text, width), role)]


def _at(row: Row, view: View, width: int) -> Sequence[Part]:
    last = row.get("last") or {}
    return [(fit(when(last.get("decided_at"), view.now(), view.zone), width), "text")]


TRIGGERS = (
    Column("TRIGGER", 26, _name, grow_to=60, least=14),
    Column("WHAT STARTS IT", 30, _what, 1, grow_to=80, least=14),
    Column("NEXT", 12, _next, snug=True),
    Column("LAST", 9, _last, 1, snug=True),
    Column("AT", 12, _at, 3, snug=True, sparse=True),
)


def head_lines(row: Row, view: View, width: int) -> list[list[Part]]:
    """What is known of a trigger beside its row."""
    name, source = clean(str(row["name"])), clean(str(row["source"]))
    room = max(0, width - cell_len(name) - 4)
    lines: list[list[Part]] = [
        [(" " + name, "strong"), ("  " + fit_middle(source, min(room, cell_len(source))), "muted")]
    ]
    paused = row.get("paused")
    if paused:
        why = f": {clean(str(paused['reason']))}" if paused.get("reason") else ""
        since = when(paused["at"], view.now(), view.zone)
        lines.append([(f" paused by {clean(str(paused['by']))}, {since}{why}", "state_paused")])
    if row.get("problem"):
        text = clean(str(row["problem"]))
        lines += [[(" " + line, "error")] for line in wrap(text, max(20, width - 2), 3)]
    for refused in list(row.get("refusals") or ())[:3]:
        at = when(refused["at"], view.now(), view.zone)
        lines.append([(f" {at} refused: {clean(str(refused['reason']))}", "warning")])
    return lines


def ledger_lines(rows: Sequence[Row], view: View, width: int) -> list[list[Part]]:
    """An occasion a line, the newest first; of that one the whole reason."""
    if not rows:
        return [[(" nothing has happened yet", "muted")]]
    lines: list[list[Part]] = []
    for row in rows:
        at = when(row["at"], view.now(), view.zone)
        text, role = _outcome(str(row["outcome"]), view)
        label = clean(str(row.get("label") or ""))
        more = "more than " if row.get("more") else ""
        times = "" if row["times"] == 1 else f"{more}{row['times']} times: "
        reason = times + clean(str(row.get("reason") or ""))
        begin: list[Part] = [
            (f" {at:<12} ", "text"), (f"{text:<10} ", role),
            (f"{label} " if label else "", "strong"),
        ]  # fmt: skip
        indent = sum(len(part) for part, _ in begin)
        told = [reason] if lines else wrap(reason, max(20, width - indent - 1), NEWEST_LINES)
        lines.append([*begin, (told[0] if told else "", "muted")])
        lines += [[(" " * indent + line, "muted")] for line in told[1:]]
    return lines


def moment_lines(moments: Sequence[Row]) -> list[list[Part]]:
    """A moment to come a line, as the clocks of its zone show it."""
    if not moments:
        return [[(" no moment is to come", "muted")]]
    return [
        [(f" {str(each['local']).replace('T', ' ')}", "text"), (f"  {each['at']}", "muted")]
        for each in moments
    ]
