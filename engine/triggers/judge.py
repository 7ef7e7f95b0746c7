"""What becomes of the moments of a schedule that have come: start, skip, miss. Pure.

The keeper asks at every ring of its timer and at every start of an engine. Each moment is decided
once, in order: `decided_us` is the mark up to which all are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from itertools import islice
from typing import Any, NamedTuple

from engine.triggers.moments import SECOND_US, moments, next_after

ON_TIME_US = 10 * SECOND_US  # later than this, a start is `late`
CORRECTED_US = 3 * 3600 * SECOND_US  # set back by more, a clock was wrong before (as Debian's cron)
CATCHUP_LIMIT = 1_000  # starts that `catchup: all` makes up for, and moments that are counted

Schedule = Mapping[str, Any]


class Verdict(NamedTuple):
    """What becomes of one moment, or of a row of them that share their fate."""

    outcome: str  # ran | late (to be started), skipped | missed
    at_us: int  # the first
    until_us: int  # the last
    times: int
    reason: str = ""
    more: bool = False  # there were more than could be counted

    @property
    def starts(self) -> bool:
        return self.outcome in ("ran", "late")


def jitter_us(name: str, schedule: Schedule, at_us: int) -> int:
    """How long after its nominal moment a start comes: the same at every look."""
    span_us: int = round(schedule["jitter_s"] * SECOND_US)
    if not span_us:
        return 0
    digest = hashlib.sha256(f"{name}/{at_us}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % span_us


def next_due(name: str, schedule: Schedule, decided_us: int) -> int | None:
    """When the first undecided moment is to be acted on."""
    at_us = next_after(schedule, decided_us)
    return None if at_us is None else at_us + jitter_us(name, schedule, at_us)


def judge(
    name: str, schedule: Schedule, decided_us: int, now_us: int, paused: str, absence: str
) -> list[Verdict]:
    """The verdicts on all moments after `decided_us` that have come, in their order.

    `paused` says who has paused it; `absence` why a moment could pass unnoticed.
    """
    if paused:
        return _run_of(schedule, decided_us, now_us, "skipped", paused)
    span_us = round(schedule["jitter_s"] * SECOND_US)
    window_us = max(round(schedule["catchup_window_s"] * SECOND_US), ON_TIME_US) + span_us
    edge_us = max(decided_us, now_us - window_us)
    found = []
    if edge_us > decided_us:
        words = f"{absence}, for longer than catchup_window"
        found += _run_of(schedule, decided_us, edge_us, "missed", words)
    near = list(moments(schedule, max(edge_us, now_us - span_us - ON_TIME_US), now_us))
    dues = [at_us + jitter_us(name, schedule, at_us) for at_us in near]
    held = next((i for i, due_us in enumerate(dues) if due_us > now_us), len(near))
    near, dues = near[:held], dues[:held]  # in order: what comes after one that waits, waits, too
    first = next((i for i, due_us in enumerate(dues) if due_us > now_us - ON_TIME_US), len(near))
    fresh = near[first:]
    until_us = fresh[0] - 1 if fresh else near[-1] if near else now_us - span_us - ON_TIME_US
    if until_us > edge_us:
        found += _overdue(schedule, edge_us, until_us, bool(fresh), absence)
    return found + [Verdict("ran", at_us, at_us, 1) for at_us in fresh]


def _overdue(
    schedule: Schedule, after_us: int, until_us: int, is_stale: bool, absence: str
) -> list[Verdict]:
    """Moments inside the window that nobody acted on in time, by the policy `catchup`."""
    last_us = _last(schedule, after_us, until_us)
    if last_us is None:
        return []
    policy = schedule["catchup"]
    if policy == "none":
        return _run_of(schedule, after_us, until_us, "missed", f"{absence}; catchup: none")
    if policy == "latest":
        if is_stale:
            words = f"{absence}; catchup: latest, and a later one is there"
            return _run_of(schedule, after_us, until_us, "skipped", words)
        words = f"{absence}; catchup: latest, one start stands for all"
        return [
            *_run_of(schedule, after_us, last_us - 1, "skipped", words),
            Verdict("late", last_us, last_us, 1, absence),
        ]
    found = list(islice(moments(schedule, after_us, until_us), CATCHUP_LIMIT + 1))
    made_up = [Verdict("late", at_us, at_us, 1, absence) for at_us in found[:CATCHUP_LIMIT]]
    if len(found) > CATCHUP_LIMIT:
        words = f"{absence}; catchup makes up for {CATCHUP_LIMIT} at most"
        made_up += _run_of(schedule, found[CATCHUP_LIMIT - 1], until_us, "missed", words)
    return made_up


def _last(schedule: Schedule, after_us: int, until_us: int) -> int | None:
    """The last moment after the one and up to the other, found without walking all of them."""
    if schedule["every_s"] is not None:
        step_us = round(schedule["every_s"] * SECOND_US)
        at_us = until_us // step_us * step_us
        return at_us if at_us > after_us else None
    span_us = 3600 * SECOND_US
    while True:
        begin_us = max(after_us, until_us - span_us)
        last: int | None = None
        for last in moments(schedule, begin_us, until_us):  # noqa: B007
            pass
        if last is not None or begin_us == after_us:
            return last
        span_us *= 24


def _run_of(
    schedule: Schedule, after_us: int, until_us: int, outcome: str, reason: str
) -> list[Verdict]:
    """One verdict on all moments after the one and up to the other; none without moments."""
    last_us = _last(schedule, after_us, until_us)
    if last_us is None:
        return []
    first = list(islice(moments(schedule, after_us, until_us), CATCHUP_LIMIT + 1))
    more = len(first) > CATCHUP_LIMIT
    return [Verdict(outcome, first[0], last_us, len(first) - more, reason, more)]


def room(overlap: str, running: int, waiting: int) -> str:
    """What `overlap` says while `running` starts of the trigger go on: start, wait, skip, replace.

    `replace` cancels what runs and waits for its end.
    """
    if overlap == "allow" or not (running or waiting):
        return "start"
    return {"skip": "skip", "queue": "wait", "cancel_running": "replace"}[overlap]
