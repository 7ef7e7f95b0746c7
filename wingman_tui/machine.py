"""What the feed tells of the machine, kept as the console shows it: gauges, histories, live steps.

Pure: frames in, lines of parts and sorted rows out. The server owns every fact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, NamedTuple

from rich.cells import cell_len

from wingman_tui.format import count, fit, size
from wingman_tui.looks import bar
from wingman_tui.sparkline import area, scale, spark
from wingman_tui.view import Part

Row = dict[str, Any]
HISTORY = 150  # samples, as many as the engine keeps
LABEL_CELLS = 9
VALUE_CELLS = 34
CORES_LIMIT = 32  # a cell each
SIDE_CELLS, SIDE_ROWS = 100, 30  # of a screen on which gauges stand side by side, and high
HIGH_ROWS = 8  # the most of a history
DRAWN = ("cpu", "memory", "disk I/O", "network")  # high; the rest in a line each
FULL, ALMOST = 0.9, 0.75  # shares from which a gauge is an error, a warning
LEAST_RATE = 64 << 10  # bytes a second that fill the lowest scale
SORTS = ("cpu", "rss_bytes", "io", "name")
SORT_WORDS = {"cpu": "CPU", "rss_bytes": "memory", "io": "disk I/O", "name": "name"}


class Gauge(NamedTuple):
    """One figure of the machine, now and before."""

    name: str
    words: str
    role: str
    values: Sequence[float]
    highest: float  # that fills its line
    can_be_full: bool = False


@dataclass
class Machine:
    """The gauges with their histories, and what each running step takes."""

    gauges: Row = field(default_factory=dict)
    history: dict[str, list[float]] = field(default_factory=dict)
    rows: dict[str, Row] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    sort: str = SORTS[0]
    sample: int = 0
    total: int = 0  # how many steps run

    def apply(self, frame: Mapping[str, Any]) -> None:
        """Take a frame in; samples that were not worth sending were as the one before."""
        self.gauges = dict(frame.get("gauges") or {})
        number = int(frame.get("sample", 0))
        if "history" in frame:
            self.history = {name: list(values) for name, values in frame["history"].items()}
        else:
            missed = min(HISTORY, max(0, number - self.sample - 1))
            for name, values in self.history.items():
                values += [*values[-1:] * missed, self.gauges.get(name, 0)]
                del values[:-HISTORY]
        self.sample = number
        self.rows = {str(row["key"]): row for row in frame.get("steps", ())}
        self.sort_by(self.sort)

    def sort_by(self, sort: str) -> None:
        """Order the steps by what they take, the most first; those alike by name."""
        self.sort = sort
        self.total = len(self.rows)
        self.order = sorted(self.rows, key=lambda key: (-_taken(self.rows[key], sort), key))

    # the rows, as a table asks for them

    def key_at(self, index: int) -> str | None:
        """The attempt at a place."""
        return self.order[index] if 0 <= index < len(self.order) else None

    def index_of(self, key: str) -> int | None:
        """The place of an attempt."""
        return self.order.index(key) if key in self.rows else None

    def row(self, key: str) -> Row | None:
        """What an attempt takes."""
        return self.rows.get(key)

    # the gauges, as lines

    def lines(self, width: int, ascii_only: bool = False, rows: int = 0) -> list[list[Part]]:
        """A line a gauge: its name, its value, its history; on a large screen more than a line.

        `rows` is what the gauges and the steps below them have.
        """
        if not self.gauges:
            return [[(" measuring …", "muted")]]
        if width >= SIDE_CELLS and rows >= SIDE_ROWS:
            return self._side_by_side(width, min(HIGH_ROWS, rows // 4 - 2), ascii_only)
        room = max(0, width - LABEL_CELLS - VALUE_CELLS - 3)
        lines: list[list[Part]] = []
        for name, value, role, values, highest, _ in self._gauges():
            label = f" {name:<{LABEL_CELLS}}"
            head: list[Part] = [(label, "muted"), (fit(value, VALUE_CELLS), role), (" ", "text")]
            if name == "disk":  # what fills slowly has no history worth a line
                lines.append([*head, *self._disk_bar(room, ascii_only)])
            else:
                lines.append([*head, (spark(values, room, highest, ascii_only), "bar_done")])
        return lines

    def _disk_bar(self, cells: int, ascii_only: bool) -> list[Part]:
        used = self.gauges["disk_used_bytes"] / self.gauges["disk_total_bytes"]
        done, rest = bar(round(used * 100), 100, cells, ascii_only)
        return [(done, "bar_done"), (rest, "bar_rest")]

    def _side_by_side(self, width: int, high: int, ascii_only: bool) -> list[list[Part]]:
        """Two gauges beside each other, the histories of those that move several lines high."""
        half = (width - 3) // 2
        drawn: list[list[list[Part]]] = []
        short: list[list[list[Part]]] = []
        for gauge in self._gauges():
            if gauge.name in DRAWN:
                drawn.append(self._high(gauge, half, high, ascii_only))
            else:
                short.append([self._short(gauge, half, ascii_only)])
        none: list[list[Part]] = [[] for _ in range(high + 1)]
        return [
            [(" ", "text"), *left, (" ", "text"), *right]
            for blocks in (drawn, short)
            for a, b in zip_longest(blocks[::2], blocks[1::2], fillvalue=none)
            for left, right in zip(a, b, strict=False)
        ]

    def _high(self, gauge: Gauge, width: int, rows: int, ascii_only: bool) -> list[list[Part]]:
        """A gauge under its name, the newest on the right; its upper part is where it gets full."""
        words: list[Part] = [
            (f"{gauge.name} ", "strong"), (gauge.words.strip(), gauge.role), (" ", "text"),
        ]  # fmt: skip
        if gauge.name == "cpu":
            words += [(spark(self.gauges["cores"], CORES_LIMIT, 1.0, ascii_only).strip(), "accent")]
            words += [(" ", "text")]
        rule = max(0, width - sum(cell_len(text) for text, _ in words) - 1)
        head = [*words, (("-" if ascii_only else "─") * rule, "rule"), (" ", "text")]
        lines = area(gauge.values, width - 1, rows, gauge.highest, ascii_only)
        upper = [gauge.can_be_full and (rows - 1 - at) / rows >= ALMOST for at in range(rows)]
        return [head, *(
            [(line, "warning" if is_upper else "bar_done"), (" ", "text")]
            for line, is_upper in zip(lines, upper, strict=True)
        )]  # fmt: skip

    def _short(self, gauge: Gauge, width: int, ascii_only: bool) -> list[Part]:
        head: list[Part] = [
            (f"{gauge.name} ", "strong"), (f"{gauge.words.strip()}  ", gauge.role)
        ]  # fmt: skip
        room = max(0, width - sum(cell_len(text) for text, _ in head) - 1)
        if gauge.name == "disk":
            return [*head, *self._disk_bar(room, ascii_only), (" ", "text")]
        drawn = spark(gauge.values, room, gauge.highest, ascii_only)
        return [*head, (drawn, "bar_done"), (" ", "text")]

    def _gauges(self) -> list[Gauge]:
        now, seen = self.gauges, self.history
        cores = len(now["cores"]) or 1
        words = f"{now['cpu']:4.0%} of {cores} cores, load {now['load'][0]:.1f}"
        made = [Gauge("cpu", words, share_role(now["cpu"]), seen.get("cpu", ()), 1.0, True)]
        for name, key in (("memory", "memory"), ("swap", "swap"), ("disk", "disk")):
            used, total = now[f"{key}_used_bytes"], now[f"{key}_total_bytes"]
            if total:
                share = used / total
                words = f"{share:4.0%} of {size(total)}, {size(total - used)} free"
                values = seen.get(f"{key}_used_bytes", ())
                made.append(Gauge(name, words, share_role(share), values, float(total), True))
        for name, first, second in (
            ("disk I/O", "disk_read", "disk_written"), ("network", "net_received", "net_sent"),
        ):  # fmt: skip
            a, b = (now[f"{key}_bytes_s"] for key in (first, second))
            into, out = (key.rpartition("_")[2] for key in (first, second))
            words = f"{_rate(a)} {into}, {_rate(b)} {out}"
            values = _sums(seen.get(f"{first}_bytes_s", ()), seen.get(f"{second}_bytes_s", ()))
            made.append(Gauge(name, words, "text", values, scale(values, LEAST_RATE)))
        running = seen.get("running_steps", ())
        words = f"{count(now['running_steps'])} running"
        made.append(Gauge("steps", words, "text", running, scale(running, 8)))
        return made


def _sums(first: Sequence[float], second: Sequence[float]) -> list[float]:
    return [one + other for one, other in zip(first, second, strict=False)]


def share_role(share: float) -> str:
    """How a share is painted: one that is almost all stands out."""
    return "error" if share >= FULL else "warning" if share >= ALMOST else "text"


def _rate(bytes_s: float) -> str:
    """A rate, coarse: it is painted again only when a person would notice."""
    return f"{size(bytes_s)}/s" if bytes_s >= 1024 else "0"


def _taken(row: Row, sort: str) -> float:
    if sort == "io":
        return float(row.get("read_bytes_s", 0) + row.get("written_bytes_s", 0))
    return float(row.get(sort) or 0) if sort != "name" else 0.0
