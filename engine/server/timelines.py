"""The timeline of an execution as it is answered: the present attempt, and those before it."""

from __future__ import annotations

from typing import Any

from engine.attempt import began_at
from engine.insight import critical
from engine.insight.attempts import FORMER_LIMIT, Attempt, attempts_of, tries_before
from engine.insight.forecast import Usual
from engine.journal.history import History
from engine.journal.run_rows import run_rows
from engine.times import from_text

Row = dict[str, Any]


def attempts_in(history: History, ord_: int, found: Row) -> list[Attempt]:
    """The attempts of an execution, the present one last; only that of one without a second try."""
    if found["attempt"] == 1 and all(step["attempts"] <= 1 for step in found["steps"]):
        return [Attempt(1)]
    return attempts_of(run_rows(history, ord_))


def line_of(found: Row, now_us: int) -> critical.Timeline:
    """The present attempt's: what an earlier one completed took nothing of this one's time."""
    began = began_at(found)
    steps = [step for step in found["steps"] if not began or (step["started_at"] or began) >= began]
    return critical.timeline(steps, from_text(began) if began else None, now_us)


def timeline_json(
    found: Row, now_us: int, usual: Usual, pools: dict[str, str], attempts: list[Attempt]
) -> Row:
    """When each step ran, the critical path, the slack, the end, the bottleneck in words."""
    line = line_of(found, now_us)
    steps = {step["path"]: step for step in found["steps"]}
    tries = tries_before(attempts[-1], {span.path: span.begin_us for span in line.spans})
    tried = {path: (len(runs) + 1, runs[0].begin_us) for path, runs in tries.items()}
    return {
        "begin_us": line.begin_us,
        "end_us": line.end_us,
        "attempt": found["attempt"],
        "state": found["state"],
        "critical": list(line.critical),
        "bottleneck": critical.bottleneck(line, usual.steps, pools, tried),
        "usual_ms": usual.whole_ms,
        "executions": usual.executions,
        "expected": found["expected"],
        "is_live": found["ended_at"] is None,
        "spans": [
            {
                "path": span.path,
                "begin_us": span.begin_us,
                "end_us": span.end_us,
                "waited_us": span.waited_us,
                "slack_us": span.slack_us,
                "usual_ms": usual.steps.get(span.path),
                "state": steps[span.path]["state"],
                "error": (steps[span.path]["error"] or {}).get("type"),
                "tries": [run._asdict() for run in tries.get(span.path, ())],
            }
            for span in line.spans
        ],
        "former": [attempt.to_json() for attempt in attempts[:-1][-FORMER_LIMIT:]],
    }
