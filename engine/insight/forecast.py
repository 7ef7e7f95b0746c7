"""When a running execution is likely to end, by what its flow's last good ones took. Pure.

Two lower bounds, of which the later one counts: the longest chain of needs that is still to run,
and the share of all work that is left, which knows of places and pools that steps waited for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.attempt import began_at
from engine.insight.critical import words
from engine.model import SECTIONS
from engine.times import from_text, to_text

Row = Mapping[str, Any]
OPEN = ("pending", "waiting", "running")
# what nobody can foresee the end of
OPEN_ENDED = ("approval", "operator", "group", "requires")


@dataclass(frozen=True, slots=True)
class Usual:
    """What the last good executions of a flow took, in milliseconds: medians."""

    whole_ms: float | None = None
    steps: Mapping[str, float] = field(default_factory=dict)  # by path
    executions: int = 0  # how many were measured


def expected(found: Row, usual: Usual, now_us: int) -> dict[str, Any] | None:
    """What is expected of a live execution, as wire.Expected; None without a good one before it.

    Without its steps only the whole is looked at, which says nothing of one that is late.
    """
    if usual.whole_ms is None:
        return None
    end_us: int | None = None
    waiting = found.get("waiting_for") or {}
    while waiting.get("kind") == "flow":
        waiting = waiting["waiting_for"]
    waits = waiting.get("kind")
    began = began_at(found)
    if found["state"] == "running" and began and waits not in OPEN_ENDED:
        if "steps" in found:
            end_us = now_us + 1000 * round(_left_ms(found["steps"], usual, now_us))
        else:
            end_us = from_text(began) + round(1000 * usual.whole_ms)
            end_us = None if end_us < now_us else end_us
    return {
        "usual_ms": round(usual.whole_ms),
        "executions": usual.executions,
        # whole seconds: more would be pretended
        "end_at": None if end_us is None else to_text(-(-end_us // 1_000_000) * 1_000_000),
    }


def expected_words(found: Row | None) -> str:
    """What is expected, for a person; empty where nothing is known."""
    if found is None:
        return ""
    usual = f"it usually takes {words(found['usual_ms'] * 1000)}"
    if found["executions"] > 1:
        usual += f" (median of {found['executions']})"
    if found["end_at"] is None:
        return usual
    return f"{usual}; by that it ends at {found['end_at'][:19]}Z"


def _left_ms(steps: Sequence[Row], usual: Usual, now_us: int) -> float:
    """What is left by the chain of needs or by the share of the work, whichever is more."""
    by_path = {step["path"]: step for step in steps}
    # a group's own duration is that of all it holds
    outer = [step for step in steps if step["path"].rpartition("/")[0] not in by_path]
    left = {step["path"]: _own_left_ms(step, usual, now_us) for step in outer}
    work = sum(usual.steps.get(step["path"], 0.0) for step in outer)
    share = sum(left.values()) / work if work else 0.0
    chain = sum(
        max(_chains(part, left), default=0.0)
        for section in SECTIONS
        if (part := [step for step in outer if (step.get("section") or "steps") == section])
    )
    return max(chain, min(1.0, share) * (usual.whole_ms or 0.0))


def _own_left_ms(step: Row, usual: Usual, now_us: int) -> float:
    """What is left of a step itself; nothing of one that is late already."""
    if step["state"] not in OPEN:
        return 0.0
    usual_ms = usual.steps.get(step["path"], 0.0)
    if step["state"] != "running" or not step.get("started_at"):
        return usual_ms
    return max(0.0, usual_ms - (now_us - from_text(step["started_at"])) / 1000)


def _chains(steps: Sequence[Row], left: Mapping[str, float]) -> list[float]:
    """How long it takes from now until each step has ended, after its needs."""
    ends: dict[str, float] = {}
    needs = {step["path"]: [need for need in step["needs"] if need in left] for step in steps}
    for begin in needs:
        ahead = [begin]  # a stack of our own: a chain may be longer than Python's
        while ahead:
            path = ahead[-1]
            open_needs = [n for n in needs.get(path, ()) if n not in ends and n in needs]
            if open_needs and path not in ends:
                ahead += open_needs
                continue
            ahead.pop()
            before = max((ends.get(need, 0.0) for need in needs[path]), default=0.0)
            ends[path] = before + left[path]
    return list(ends.values())
