"""The filter line as a small language: `state:failed flow:etl since:2h text`. Pure.

Shared by the console's `/`, the feed and the list command's options. Raises UsageError.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from engine.errors import UsageError
from engine.model import EXECUTION_TRANSITIONS
from engine.times import from_text

UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
KEYS = ("state", "flow", "type", "trigger", "since", "until", "warnings", "note")


@dataclass(frozen=True, slots=True)
class Filter:
    """Which executions are asked for; empty means all. Times are microseconds."""

    states: tuple[str, ...] = ()
    waiting: bool = False  # of the running only those that wait
    flows: tuple[str, ...] | None = None
    types: tuple[str, ...] = ()
    triggers: tuple[str, ...] = ()
    since_us: int | None = None
    until_us: int | None = None
    texts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()  # one of them is in a note beside it; an empty one is in any
    warnings_over: int | None = None  # the feed looks at this, the history does not know it
    hidden: frozenset[str] = frozenset()  # flows that the caller may not see


def check_filter(wanted: Filter) -> Filter:
    """The filter, when its states exist. Raises UsageError."""
    for state in wanted.states:
        if state not in EXECUTION_TRANSITIONS:
            known = ", ".join(EXECUTION_TRANSITIONS)
            raise UsageError(f"there is no state {state!r}", f"one of {known}, waiting")
    return wanted


def parse_filter(line: str, now_us: int) -> Filter:
    """The filter that a line describes at a moment."""
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise UsageError(f"the filter {line!r}: {error}", "close the quotes") from None
    given: dict[str, list[str]] = {}
    texts: list[str] = []
    for word in words:
        key, colon, value = word.partition(":")
        if colon and key in KEYS:
            given.setdefault(key, []).extend(part for part in value.split(",") if part)
            if key == "note" and not value:
                given[key].append("")
        else:
            texts.append(word)
    return make_filter(given, texts, now_us)


def make_filter(given: dict[str, list[str]], texts: list[str], now_us: int) -> Filter:
    """A filter from words by key; `waiting` is a state here: of the running, those that wait."""
    states = [state for state in given.get("state", []) if state != "waiting"]
    waiting = "waiting" in given.get("state", []) and "running" not in states
    if waiting:
        states.append("running")
    flows = given.get("flow")
    return check_filter(
        Filter(
            states=tuple(states),
            waiting=waiting,
            flows=tuple(flows) if flows else None,
            types=tuple(given.get("type", ())),
            triggers=tuple(given.get("trigger", ())),
            since_us=moment(given["since"][0], now_us) if given.get("since") else None,
            until_us=moment(given["until"][0], now_us) if given.get("until") else None,
            texts=tuple(texts),
            notes=tuple(given.get("note", ())),
            warnings_over=_over(given["warnings"][0]) if given.get("warnings") else None,
        )
    )


def _over(text: str) -> int:
    """The number that `>3` has to be over; of `3` and `>=3`, the one below it."""
    found = re.fullmatch(r"(>=?)?(\d{1,9})", text)
    if found is None:
        raise UsageError(f"warnings:{text} is no number", "such as warnings:>0")
    return int(found[2]) - (found[1] != ">")


def moment(text: str, now_us: int) -> int:
    """Microseconds of `2h` ago, or of an RFC 3339 time or date."""
    found = re.fullmatch(r"(\d{1,9})([smhdw])", text)
    if found:
        return max(0, now_us - int(found[1]) * UNITS_S[found[2]] * 1_000_000)
    try:
        return from_text(text)
    except ValueError:
        raise UsageError(
            f"{text!r} is no time", "such as 2h, 7d, 2027-01-31 or 2027-01-31T12:00:00Z"
        ) from None
