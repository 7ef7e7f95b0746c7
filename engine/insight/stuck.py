"""Whether something that runs is stuck: silent for far too long, failing in the same way, too deep.

Pure, and a fact beside the state, never a state: the step may still end well. The rules are in
docs/troubleshooting.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.calls import MAX_DEPTH
from engine.core.state import Execution, StepState
from engine.insight.critical import words
from engine.insight.diff import plain
from engine.insight.forecast import Usual
from engine.model import OWN_KINDS
from engine.times import to_text

SILENT_TIMES = 3  # of its longest usual silence, at most of what it usually takes as a whole
SILENT_LEAST_US = 60_000_000
LEAST_MEASURED = 3  # good executions before anything is called unusual
SAME_ERRORS = 3  # in a row
DEEP = MAX_DEPTH - 2  # flows that call each other
Stuck = dict[str, Any]  # wire.Stuck
End = tuple[int, str | None, str | None]  # at, the error's type and message


def silence_limit_us(usual: Usual, path: str, silences: Mapping[str, int]) -> int | None:
    """How long a step may print nothing; None where nobody knows what is usual."""
    usual_ms = usual.steps.get(path)
    if usual_ms is None or usual.executions < LEAST_MEASURED:
        return None
    longest_us = min(silences.get(path, usual_ms * 1000), usual_ms * 1000)
    return max(SILENT_LEAST_US, round(SILENT_TIMES * longest_us))


def quiet_steps(
    ex: Execution, usual: Usual, silences: Mapping[str, int]
) -> Iterator[tuple[StepState, int]]:
    """The steps with a process, each with the moment from which its silence is too long.

    `silences` are their longest usual ones, where known. What they have printed meanwhile is not
    known here: the moment counts from their start.
    """
    for step in ex.steps.values():
        if step.state != "running" or step.is_group or step.definition["kind"] in OWN_KINDS:
            continue
        limit_us = silence_limit_us(usual, step.path, silences)
        if limit_us is not None and step.started_at_us is not None:
            yield step, step.started_at_us + limit_us


def silent(
    path: str, since_us: int, usual: Usual, silences: Mapping[str, int], now_us: int
) -> Stuck:
    """A step that prints nothing."""
    usual_us, longest_us = usual.steps[path] * 1000, silences.get(path)
    known = f"usually it takes {words(usual_us)}"
    if longest_us is not None and longest_us < usual_us:
        known = f"usually it is silent for {words(longest_us)} at most"
    return _stuck("silent", path, since_us, f"no output for {words(now_us - since_us)}; {known}")


def failing_steps(ex: Execution) -> Iterator[StepState]:
    """The steps that have been tried often enough to look at how their attempts ended."""
    for step in ex.steps.values():
        if step.attempts >= SAME_ERRORS and step.state in ("running", "waiting"):
            yield step


def same_error(path: str, ends: Sequence[End]) -> Stuck | None:
    """A step whose last attempts all ended in the same way; `ends` are the newest first."""
    alike = []
    for end in ends:
        if end[1] is None or _kind(end) != _kind(ends[0]):
            break
        alike.append(end)
    if len(alike) < SAME_ERRORS:
        return None
    message = (alike[0][2] or "").strip().partition("\n")[0]
    more = "at least " if len(alike) == len(ends) else ""
    what = f"the same error {more}{len(alike)} times in a row: {message} ({alike[0][1]})"
    return _stuck("same_error", path, alike[-1][0], what)


def _kind(end: End) -> tuple[str | None, bytes]:
    return end[1], plain((end[2] or "").encode())


def deep(ex: Execution) -> Stuck | None:
    """An execution so far down that flows may be calling each other without an end."""
    chain: Sequence[str] = (ex.parent or {}).get("chain", ())
    if len(chain) < DEEP:
        return None
    shown = " → ".join([*chain, ex.flow])
    what = f"{len(chain)} calls deep, of {MAX_DEPTH} that are allowed: {shown}"
    return _stuck("deep", None, ex.created_at_us, what)


def _stuck(kind: str, step: str | None, since_us: int, reason: str) -> Stuck:
    return {"kind": kind, "step": step, "since": to_text(since_us), "reason": reason}


def stuck_words(stuck: Mapping[str, Any]) -> str:
    """One line about it, with the step."""
    return f"{stuck['step']}: {stuck['reason']}" if stuck["step"] else str(stuck["reason"])
