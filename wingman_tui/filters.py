"""The filter language, as far as the console needs it: completion and what a word means. Pure.

The server reads the filter; here are only its words, so that they can be offered.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

STATES = (
    "queued",
    "running",
    "waiting",
    "paused",
    "completed",
    "partial",
    "failed",
    "cancelled",
)
TRIGGERS = ("manual", "schedule", "webhook", "watch", "after")
AGES = ("10m", "1h", "2h", "24h", "7d")
WORDS = ("state:", "flow:", "type:", "since:", "until:", "trigger:")
EXAMPLE = "state:failed flow:backup since:2h text"


def complete(text: str, flows: Iterable[str] = (), types: Iterable[str] = ()) -> list[str]:
    """What the last word of a filter could become, nearest first."""
    if not text or text.endswith(" "):
        return list(WORDS)
    last = text.split(" ")[-1]
    name, colon, value = last.partition(":")
    if not colon:
        return [word for word in WORDS if word.startswith(last)]
    done, _, part = value.rpartition(",")
    before = f"{name}:{done}," if done else f"{name}:"
    return [before + word for word in _values(name, flows, types) if word.startswith(part)]


def _values(name: str, flows: Iterable[str], types: Iterable[str]) -> Sequence[str]:
    known: dict[str, Sequence[str]] = {
        "state": STATES,
        "flow": sorted(flows),
        "type": sorted(set(types) - {""}),
        "since": AGES,
        "until": AGES,
        "trigger": TRIGGERS,
    }
    return known.get(name, ())


def completed(text: str, word: str) -> str:
    """The filter with its last word completed."""
    head, space, _ = text.rpartition(" ")
    return head + space + word
