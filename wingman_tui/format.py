"""Facts as short text: durations, times, sizes, counts, exits in words. Pure; reads no clock."""

from __future__ import annotations

from datetime import datetime, tzinfo
from functools import lru_cache

from rich.cells import cell_len, set_cell_size

SIGNAL_WORDS = {
    "SIGKILL": "killed (SIGKILL)",
    "SIGTERM": "asked to end (SIGTERM)",
    "SIGSEGV": "crashed: bad memory access (SIGSEGV)",
    "SIGABRT": "gave up (SIGABRT)",
    "SIGBUS": "crashed: bad memory access (SIGBUS)",
    "SIGFPE": "crashed: arithmetic (SIGFPE)",
    "SIGILL": "crashed: illegal instruction (SIGILL)",
    "SIGPIPE": "wrote to a closed pipe (SIGPIPE)",
    "SIGINT": "interrupted (SIGINT)",
    "SIGHUP": "hung up (SIGHUP)",
    "SIGXCPU": "used up its CPU time (SIGXCPU)",
    "SIGXFSZ": "wrote too large a file (SIGXFSZ)",
}
EXIT_WORDS = {
    126: "not executable",
    127: "command not found",
    130: "interrupted",
    137: "killed",
    143: "asked to end",
}


def duration(ms: float | None) -> str:
    """A duration in at most seven characters: 0.04s, 12.3s, 3m12s, 2h05m, 3d04h."""
    if ms is None:
        return ""
    if ms < 995:
        return f"{max(0.0, ms) / 1000:.2f}s"
    if ms < 59_950:
        return f"{max(0.0, ms) / 1000:.1f}s"
    seconds = round(ms / 1000) if ms < 60_000 else int(ms // 1000)
    if seconds < 3_600:
        return f"{seconds // 60}m{seconds % 60:02d}s"
    if seconds < 86_400:
        return f"{seconds // 3_600}h{seconds % 3_600 // 60:02d}m"
    return f"{seconds // 86_400}d{seconds % 86_400 // 3_600:02d}h"


def fine_duration(ms: float) -> str:
    """A duration where short ones are compared: 0.4ms, 31ms, then as `duration`."""
    if ms < 10:
        return f"{max(0.0, ms):.1f}ms"
    return f"{ms:.0f}ms" if ms < 1_000 else duration(ms)


def live_duration(ms: float) -> str:
    """A duration that still grows: whole seconds, so that it changes once a second."""
    return f"{int(ms // 1000)}s" if ms < 60_000 else duration(ms)


def age(seconds: float) -> str:
    """How long ago in one coarse word: 4s, 3m, 2h, 5d."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{max(0, int(seconds))}s"


@lru_cache(maxsize=4_096)
def parse_time(text: str) -> float | None:
    """Seconds since the epoch of a time of the wire; None when it is none."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None


def when(text: str | None, now: float, zone: tzinfo | None = None) -> str:
    """A time in at most 12 characters: 14:02:11, Sat 14:02, 21 Nov 14:02 or 2025-11-21.

    An absolute time, because an age would have to be painted again and again on an idle machine.
    """
    moment = parse_time(text) if text else None
    if moment is None:
        return ""
    then, today = datetime.fromtimestamp(moment, zone), datetime.fromtimestamp(now, zone)
    if then.date() == today.date():
        return then.strftime("%H:%M:%S")
    if 0 <= now - moment < 6 * 86_400:
        return then.strftime("%a %H:%M")
    if then.year == today.year:
        return f"{then.day} {then.strftime('%b %H:%M')}"
    return then.strftime("%Y-%m-%d")


def full_time(text: str | None, zone: tzinfo | None = None) -> str:
    """A time with its date and seconds, in the reader's zone."""
    moment = parse_time(text) if text else None
    if moment is None:
        return ""
    return datetime.fromtimestamp(moment, zone).strftime("%Y-%m-%d %H:%M:%S")


def clock(text: str, zone: tzinfo | None = None) -> str:
    """The time of day of a log line."""
    moment = parse_time(text)
    if moment is None:
        return "--:--:--"
    return datetime.fromtimestamp(moment, zone).strftime("%H:%M:%S")


def size(value: float | None) -> str:
    """A size with a binary unit: 812 B, 34.1 MB, 2.0 GB."""
    if value is None:
        return ""
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1024 or unit == "GB":
            return f"{int(value)} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return ""


def rate_words(bytes_s: float) -> str:
    """What a line carries, as coarse as a glance: nothing, 2 kB/s, 130 kB/s, 2 MB/s."""
    if bytes_s < 500:
        return ""
    value = bytes_s / 1000
    if value >= 1000:
        return f" {value / 1000:.0f} MB/s"
    return f" {value:.0f} kB/s" if value < 10 else f" {round(value, -1):.0f} kB/s"


def count(value: int) -> str:
    """A number with thousands set apart."""
    return f"{value:,}"


def exit_words(exit_code: int | None, signal: str | None) -> str:
    """How a process ended, in words: exit 127 (command not found), killed (SIGKILL)."""
    if signal:
        return SIGNAL_WORDS.get(signal, f"ended by {signal}")
    if exit_code is None:
        return ""
    words = EXIT_WORDS.get(exit_code)
    return f"exit {exit_code} ({words})" if words else f"exit {exit_code}"


def fit(text: str, width: int) -> str:
    """The text in exactly `width` cells, cut at the end with an ellipsis."""
    if width <= 0:
        return ""
    if cell_len(text) > width:
        text = set_cell_size(text, width - 1).rstrip() + "…"
    return set_cell_size(text, width)


def fit_middle(text: str, width: int) -> str:
    """The text in exactly `width` cells, cut in the middle: both ends of a name tell it apart."""
    length = cell_len(text)
    if length <= width:
        return set_cell_size(text, max(0, width))
    if width < 5:
        return fit(text, width)
    head = (width - 1) // 2
    tail = width - 1 - head
    start = len(text)
    while start > 0 and cell_len(text[start - 1 :]) <= tail:
        start -= 1
    return set_cell_size(set_cell_size(text, head) + "…" + text[start:], width)


def fit_path(path: str, width: int) -> str:
    """The path of a step in exactly `width` cells: what leads to it is left out first."""
    short, rest = path, path
    while cell_len(short) > width and "/" in rest:
        rest = rest.partition("/")[2]
        short = f"…/{rest}"
    return fit_middle(short, width)


def fit_right(text: str, width: int) -> str:
    """The text in exactly `width` cells, set to the right."""
    length = cell_len(text)
    return fit(text, width) if length > width else " " * (width - length) + text


def wrap(text: str, width: int, limit: int = 1_000) -> list[str]:
    """The text in lines of at most `width` cells, broken at spaces where there are any.

    Beyond `limit` lines it ends with an ellipsis.
    """
    lines: list[str] = []
    for paragraph in text.split("\n"):
        rest = paragraph
        while cell_len(rest) > width and len(lines) < limit:
            cut = len(set_cell_size(rest, width).rstrip()) or width
            space = rest.rfind(" ", 0, cut + 1)
            cut = space if space > width // 3 else min(cut, width)
            lines.append(rest[:cut])
            rest = rest[cut:].lstrip()
        lines.append(rest)
        if len(lines) > limit:
            break
    if len(lines) > limit:
        last = lines[limit - 1]
        lines[limit - 1] = set_cell_size(last, min(cell_len(last), width - 1)).rstrip() + "…"
    return lines[:limit]
