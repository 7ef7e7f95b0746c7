"""The critical path of an execution: the steps that its duration is made of. Pure.

Times are microseconds. Of a running step the end is now; what has not started is left out. Slack is
how much later a step could have ended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.model import GROUP_KINDS, SECTIONS
from engine.times import from_text

Step = Mapping[str, Any]
SLOWER = 1.5  # times the usual, before that is told
LEAST_TOLD_US = 500_000  # of a wait


@dataclass(frozen=True, slots=True)
class Span:
    """When a step ran, how long it had waited before, and how much later it could have ended."""

    path: str
    begin_us: int
    end_us: int
    waited_us: int  # from the end of its last need to its begin
    slack_us: int

    @property
    def length_us(self) -> int:
        return self.end_us - self.begin_us


@dataclass(frozen=True, slots=True)
class Timeline:
    """The spans in the order of their begin, and the paths of the critical ones in order."""

    spans: tuple[Span, ...]
    critical: tuple[str, ...]
    begin_us: int
    end_us: int


def timeline(steps: Sequence[Step], begin_us: int | None, now_us: int) -> Timeline:
    """The timeline of an execution that began at `begin_us`."""
    ran = {  # a group has no time of its own: it is that of its steps
        step["path"]: step
        for step in steps
        if step.get("started_at") and step.get("kind") not in GROUP_KINDS
    }
    begins = {path: from_text(step["started_at"]) for path, step in ran.items()}
    ends = {
        path: from_text(step["ended_at"]) if step.get("ended_at") else max(now_us, begins[path])
        for path, step in ran.items()
    }
    needs = _needs_of(steps, ran)
    start_us = min(begins.values(), default=now_us) if begin_us is None else begin_us
    stop_us = max(ends.values(), default=start_us)
    latest = _latest_ends(needs, begins, ends, stop_us)
    spans = [
        Span(
            path, begins[path], ends[path],
            max(0, begins[path] - max((ends[need] for need in needs[path]), default=start_us)),
            max(0, latest[path] - ends[path]),
        )
        for path in ran
    ]  # fmt: skip
    spans.sort(key=lambda span: (span.begin_us, span.end_us))
    return Timeline(tuple(spans), tuple(_critical(needs, ends)), start_us, stop_us)


def _needs_of(steps: Sequence[Step], ran: Mapping[str, Step]) -> dict[str, list[str]]:
    """The needs that ran, by path; through those that were skipped to what they needed."""
    by_path = {step["path"]: step for step in steps}
    inside: dict[str, list[str]] = {}
    for each in by_path:
        outer = each.rpartition("/")[0]
        if outer in by_path:
            inside.setdefault(outer, []).append(each)
    sections: dict[str, list[str]] = {}
    for path, step in ran.items():
        sections.setdefault(step.get("section") or "steps", []).append(path)
    found: dict[str, list[str]] = {}
    for path, step in ran.items():
        direct = _before(step, by_path, inside, ran)
        section = step.get("section") or "steps"
        if not direct and section != "steps":  # a later section begins when the others have ended
            before = SECTIONS.index(section) if section in SECTIONS else 0
            direct = [p for s in SECTIONS[:before] for p in sections.get(s, ())]
        found[path] = direct
    return found


def _before(
    step: Step,
    by_path: Mapping[str, Step],
    inside: Mapping[str, list[str]],
    ran: Mapping[str, Step],
) -> list[str]:
    """What ran right before a step: through what was skipped, into groups and out of them."""
    found: dict[str, None] = {}
    seen: set[str] = {step["path"]}
    ahead = _asked_for(step["path"], by_path)
    while ahead:
        need = ahead.pop()
        if need in seen:
            continue
        seen.add(need)
        if need in ran:
            found[need] = None
            ahead += inside.get(need, ())  # those who need it waited for its handlers, too
        elif need in by_path:
            ahead += [*_asked_for(need, by_path), *inside.get(need, ())]
    return [path for path in found if _began(ran[path]) <= _began(ran[step["path"]])]


def _asked_for(path: str, by_path: Mapping[str, Step]) -> list[str]:
    """The needs of a step, else those of what it is inside of."""
    while path:
        step = by_path.get(path)
        outer = path.rpartition("/")[0]
        if step and step.get("needs"):
            return list(step["needs"])
        if outer in by_path and by_path[outer].get("kind") not in GROUP_KINDS:
            return [outer]  # it handles the failure of this one
        path = outer
    return []


def _began(step: Step) -> str:
    return str(step["started_at"])


def _latest_ends(
    needs: Mapping[str, list[str]], begins: Mapping[str, int], ends: Mapping[str, int], stop: int
) -> dict[str, int]:
    """How late each step could have ended without anything else, or the whole, ending later."""
    latest = dict.fromkeys(ends, stop)
    # a need ended before its dependents began, so in this order each is settled before its needs
    for path in sorted(ends, key=lambda path: begins[path], reverse=True):
        must_begin_us = latest[path] - (ends[path] - begins[path])
        for need in needs[path]:
            latest[need] = min(latest[need], must_begin_us)
    return latest


def _critical(needs: Mapping[str, list[str]], ends: Mapping[str, int]) -> list[str]:
    """From the step that ended last back to the need that it waited for longest, and so on."""
    path: str | None = max(ends, key=lambda path: ends[path], default=None)
    found: list[str] = []
    while path is not None and path not in found:
        found.append(path)
        path = max(needs[path], key=lambda need: ends[need], default=None)
    return found[::-1]


def bottleneck(
    found: Timeline, usual_ms: Mapping[str, float], pools: Mapping[str, str] | None = None,
    tried: Mapping[str, tuple[int, int]] | None = None,
) -> str:  # fmt: skip
    """The step that the duration is owed to most, in words; empty for an execution of nothing.

    `usual_ms`, `pools`, which steps have waited for, and `tried` are by path: of those that were
    tried more than once how often, and when first.
    """
    whole_us = found.end_us - found.begin_us
    critical = [span for span in found.spans if span.path in set(found.critical)]
    if not critical or whole_us <= 0:
        return ""
    longest = max(critical, key=lambda span: max(span.length_us, span.waited_us))
    pool = (pools or {}).get(longest.path)
    place = f" for pool {pool}" if pool else ""
    if tried and longest.path in tried:
        tries, first_us = tried[longest.path]
        span_us = longest.end_us - first_us
        part = f"{span_us / whole_us:.0%} of the critical path"
        return f"{longest.path} took {tries} attempts in {words(span_us)}, {part}"
    if longest.waited_us > longest.length_us:
        part = f"{longest.waited_us / whole_us:.0%} of the critical path"
        return f"{longest.path} waited {words(longest.waited_us)}{place} to start, {part}"
    part = f"{longest.length_us / whole_us:.0%} of the critical path"
    text = f"{longest.path} takes {words(longest.length_us)}, {part}"
    if longest.waited_us >= max(LEAST_TOLD_US, whole_us // 100):
        text += f"; it waited {words(longest.waited_us)}{place}"
    usual = usual_ms.get(longest.path)
    least_us = max(SLOWER * 1000 * usual, 1000 * usual + LEAST_TOLD_US) if usual else 0
    if usual and longest.length_us > least_us:
        times = longest.length_us / (1000 * usual)
        text += f"; {times:.1f}x its usual {words(usual * 1000)}"
    return text


def words(span_us: float) -> str:
    """A length of time for a person: 0.4 s, 12.3 s, 3m12s, 2h05m."""
    seconds = span_us / 1e6
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = int(seconds)
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
