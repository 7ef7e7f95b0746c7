"""The inbox and the alerts as rows of tables, and the lines below them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from wingman_tui.column_layout import Column
from wingman_tui.format import count, fit, fit_middle, fit_right, full_time, when, wrap
from wingman_tui.looks import Look
from wingman_tui.sanitise import clean, clean_lines
from wingman_tui.view import Part, View

Row = Mapping[str, Any]
Line = list[Part]
ENTRY_LOOKS: Mapping[str, Look] = {
    "open": Look("✗", "x", "open", "state_failed"),
    "acknowledged": Look("◐", "%", "known", "state_waiting"),
    "snoozed": Look("◌", "=", "snoozed", "state_paused"),
    "recovered": Look("✓", "+", "recovered", "state_completed"),
    "closed": Look("⊘", "-", "closed", "state_cancelled"),
}
ALERT_LOOKS: Mapping[str, Look] = {
    "sent": Look("✓", "+", "sent", "state_completed"),
    "waiting": Look("◌", "=", "waiting", "state_waiting"),
    "failed": Look("✗", "x", "given up", "state_failed"),
    "acknowledged": Look("◐", "%", "known", "state_waiting"),
    "dropped": Look("–", "_", "dropped", "state_skipped"),
    "absent": Look("–", "_", "not there", "state_skipped"),  # of an address: no console was
}
UNKNOWN = Look("?", "?", "?", "text")
MESSAGE_LINES = 3


@dataclass
class Rows:
    """The rows of a window, in its order."""

    rows: dict[str, Row] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    counts: Mapping[str, int] = field(default_factory=dict)
    loaded: bool = False
    total: int = 0  # how many there are

    def apply(self, frame: Row) -> tuple[set[str], bool]:
        """Take a frame in; which rows changed, and whether their order did."""
        if frame.get("kind") == "snapshot":
            self.rows, self.order, self.loaded = {}, [], True
        changed = {str(row["id"]): row for row in frame.get("rows", ())}
        self.rows |= changed
        self.counts = frame.get("counts", self.counts)
        order = [str(key) for key in frame["order"]] if "order" in frame else self.order
        moved, self.order = order != self.order or frame.get("kind") == "snapshot", order
        self.rows = {key: self.rows[key] for key in order if key in self.rows}
        self.total = len(order)
        return set(changed), moved

    def key_at(self, index: int) -> str | None:
        """The key at a place."""
        return self.order[index] if 0 <= index < len(self.order) else None

    def index_of(self, key: str) -> int | None:
        """The place of a key."""
        return self.order.index(key) if key in self.order else None

    def row(self, key: str) -> Row | None:
        """The row of a key."""
        return self.rows.get(key)


def where(entry: Row) -> str:
    """The flow and the step of the newest failure, and how many other flows have it."""
    step = f" › {clean(str(entry['step']))}" if entry.get("step") else ""
    others = int(entry.get("flows") or 1) - 1
    return f"{clean(str(entry['flow']))}{step}" + (f" +{others}" if others else "")


def what(entry: Row, words: str = "") -> str:
    """The error in a line: what the step said, where that is known and its message says little."""
    if words:
        return words
    first = next(iter(clean_lines(str(entry["message"]), 1)), "")
    return _said(entry, first)


def _said(entry: Row, message: str) -> str:
    """The message with its type, where it does not repeat that."""
    type_ = clean(str(entry["type"]))
    if not message:
        return type_
    return message if type_.partition(":")[0] in ("exit", "signal") else f"{type_}: {message}"


def _look(row: Row, looks: Mapping[str, Look], view: View, width: int) -> Sequence[Part]:
    look = looks.get(str(row["state"]), UNKNOWN)
    return [(fit(f"{look.sign(view.ascii_only)} {look.word}", width), look.role)]


def _entry_state(row: Row, view: View, width: int) -> Sequence[Part]:
    return _look(row, ENTRY_LOOKS, view, width)


def _times(row: Row, view: View, width: int) -> Sequence[Part]:
    return [(fit_right(count(int(row["times"])), width), "strong")]


def _last(row: Row, view: View, width: int) -> Sequence[Part]:
    return [(fit(when(row["last"], view.now(), view.zone), width), "text")]


def _where(row: Row, view: View, width: int) -> Sequence[Part]:
    return [(fit_middle(where(row), width), "strong" if row["state"] == "open" else "text")]


def _what(row: Row, view: View, width: int, words: str = "") -> Sequence[Part]:
    return [(fit(what(row, words), width), "text" if row["state"] == "open" else "muted")]


def entries_with(words_of: Callable[[Row], str]) -> list[Column]:
    """The columns of the entries, of which WHAT quotes what the failed step said."""

    def quoted(row: Row, view: View, width: int) -> Sequence[Part]:
        return _what(row, view, width, words_of(row))

    return [replace(each, cell=quoted) if each.title == "WHAT" else each for each in ENTRIES]


def _who(row: Row, view: View, width: int) -> Sequence[Part]:
    return [(fit(clean(str(row.get("assigned_to") or "")), width), "accent")]


ENTRIES = (
    Column("STATE", 11, _entry_state, snug=True),
    Column("TIMES", 5, _times, 1, right=True),
    Column("LAST", 12, _last, 2, snug=True),
    Column("WHERE", 24, _where, grow_to=60, least=14),
    Column("WHAT", 40, _what, grow_to=160, least=16),
    Column("WHO", 12, _who, 3, snug=True, sparse=True),
)


def _alert_state(row: Row, view: View, width: int) -> Sequence[Part]:
    return _look(row, ALERT_LOOKS, view, width)


def _at(row: Row, view: View, width: int) -> Sequence[Part]:
    return [(fit(when(row["at"], view.now(), view.zone), width), "text")]


def _channel(row: Row, view: View, width: int) -> Sequence[Part]:
    return [(fit(clean(str(row["channel"])), width), "accent")]


def _title(row: Row, view: View, width: int) -> Sequence[Part]:
    return [(fit(clean(str(row["title"])), width), "text")]


def _try(row: Row, view: View, width: int) -> Sequence[Part]:
    if row["state"] != "waiting":
        return [(" " * width, "text")]
    return [(fit(when(row["due"], view.now(), view.zone), width), "state_waiting")]


DELIVERIES = (
    Column("STATE", 10, _alert_state, snug=True),
    Column("WHEN", 12, _at, 1, snug=True),
    Column("TO", 10, _channel, 1, grow_to=20, least=6),
    Column("ALERT", 40, _title, grow_to=160, least=20),
    Column("NEXT TRY", 12, _try, 2, snug=True, sparse=True),
)


def entry_lines(
    entry: Row, more: Row, view: View, width: int, words: str = ""
) -> list[Line]:
    """What is known of an entry beside its row; `more` is it as it was asked for by itself."""
    room = max(20, width - 2)
    head = [(" " + line, "error") for line in wrap(words or _message(entry), room, MESSAGE_LINES)]
    lines: list[Line] = [[part] for part in head]
    if words:
        lines += [[(" " + line, "muted")] for line in wrap(_message(entry), room, 1)]
    lines.append([(" " + line, "text") for line in _span(entry, view)])
    lines += _people(entry, view)
    for place in entry["places"]:
        lines.append(_place(place, bool(entry["open"]), view, width))
    for note in more.get("notes", ()):
        said = next(iter(clean_lines(str(note["text"]), 1)), "")
        at = when(note["at"], view.now(), view.zone)
        lines.append([(f" note by {clean(str(note['by']))}, {at}: ", "muted"), (said, "text")])
    for alert in more.get("alerts", ()):
        lines.append([(" alert ", "muted"), *_told(alert, view)])
    return lines


def _message(entry: Row) -> str:
    lines = clean_lines(str(entry["message"]), MESSAGE_LINES)
    return _said(entry, " ".join(lines))


def _span(entry: Row, view: View) -> list[str]:
    """How often it happened, since when."""
    times, total = int(entry["times"]), int(entry["total"])
    now, zone = view.now(), view.zone
    words = f"once, {when(entry['last'], now, zone)}" if times == 1 else f"{count(times)} times"
    if times > 1:
        words += f" since {when(entry['since'], now, zone)}"
    if total > times:
        words += f"; {count(total)} in all, the first {when(entry['first'], now, zone)}"
    return [words]


def _people(entry: Row, view: View) -> list[Line]:
    """Who has taken note, who takes care, until when it stays away, how it left."""
    now, zone = view.now(), view.zone
    found: list[str] = []
    if entry.get("assigned_to"):
        found.append(f"{entry['assigned_to']} takes care")
    if entry.get("acked_by"):
        found.append(f"acknowledged by {entry['acked_by']}, {when(entry['acked_at'], now, zone)}")
    if entry["state"] == "snoozed":
        by, until = entry["snoozed_by"], when_to_come(entry["snoozed_until"], view)
        found.append(f"snoozed by {by} until {until}")
    if entry.get("left_at") and not entry["open"]:
        how = f"closed by {entry['left_by']}" if entry.get("left_by") else "recovered"
        found.append(f"{how}, {when(entry['left_at'], now, zone)}")
    return [[(" " + clean("; ".join(found)), "accent")]] if found else []


def when_to_come(text: str | None, view: View) -> str:
    """A moment to come: the time alone where it is today."""
    whole = full_time(text, view.zone)
    today = when(text, view.now(), view.zone)
    return today if len(today) == 8 and ":" in today[:3] else whole[:16]


def _place(place: Row, is_open: bool, view: View, width: int) -> Line:
    """A step of a flow that has failed so."""
    step = f" › {clean(str(place['step']))}" if place.get("step") else ""
    name = f"{clean(str(place['flow']))}{step}"
    times = count(int(place["times"]))
    last = f"#{place['number']}, {when(place['last'], view.now(), view.zone)}"
    line: Line = [(f" {times:>4}x ", "strong"), (name, "text"), (f"  last {last}", "muted")]
    if is_open and not place["open"]:
        line.append(("  recovered", "good"))
    return line


def _told(alert: Row, view: View) -> Line:
    """A delivery in a line."""
    look = ALERT_LOOKS.get(str(alert["state"]), UNKNOWN)
    now, zone = view.now(), view.zone
    line: Line = [
        (f"{look.sign(view.ascii_only)} {look.word} ", look.role),
        (clean(str(alert["channel"])), "accent"), (" ", "text"),
        (clean(str(alert["title"])), "text"),
    ]  # fmt: skip
    if alert["state"] == "sent":
        line.append((f", {when(alert['ended'], now, zone)}", "muted"))
    elif alert["state"] == "waiting":
        line.append((f", next try {when(alert['due'], now, zone)}", "muted"))
    return line


def alert_lines(alert: Row, view: View, width: int) -> list[Line]:
    """What is known of a delivery beside its row."""
    now, zone = view.now(), view.zone
    lines: list[Line] = [[(" ", "text"), *_told(alert, view)]]
    tries = int(alert["tries"])
    facts = [f"{tries} {'try' if tries == 1 else 'tries'}"] if tries else []
    if alert.get("leader") not in (None, alert["id"]):
        facts.append(f"told by the message of alert {alert['leader']}")
    if alert.get("acked_by"):
        at = when(alert["acked_at"], now, zone)
        facts.append(f"acknowledged by {clean(str(alert['acked_by']))}, {at}")
    if facts:
        lines.append([(" " + "; ".join(facts), "muted")])
    several = alert["addresses"] if len(alert.get("addresses") or ()) > 1 else ()
    for one in several:
        lines += _address(one, view, width)
    if alert.get("error") and not several:
        role = "muted" if alert["state"] in ("sent", "dropped") else "error"
        text = clean(str(alert["error"]))
        lines += [[(" " + line, role)] for line in wrap(text, max(20, width - 2), MESSAGE_LINES)]
    lines.append([])
    for text in clean_lines(str(alert["text"]), 30):
        lines += [[(" " + line, "text")] for line in wrap(text, max(20, width - 2), 4)]
    return lines


def _address(one: Row, view: View, width: int) -> list[Line]:
    """One of a channel's addresses, and what it said."""
    look = ALERT_LOOKS.get(str(one["state"]), UNKNOWN)
    line: Line = [
        (f"   {look.sign(view.ascii_only)} {look.word} ", look.role),
        (clean(str(one["address"])), "accent"),
    ]  # fmt: skip
    said = wrap(clean(str(one["error"])), max(20, width - 5), MESSAGE_LINES) if one["error"] else []
    role = "muted" if one["state"] == "absent" else "error"
    return [line, *([("     " + text, role)] for text in said)]
