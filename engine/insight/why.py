"""Why an execution, a step or a flow is where it is: the chain of causes, and what helps. Pure.

What has not ended is explained by `waits`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.insight.answer import (
    CHAIN_LIMIT,
    FAILED,
    NAMED_LIMIT,
    Cause,
    Facts,
    Help,
    Row,
    Why,
    last_of,
)
from engine.insight.waits import explain_live, explain_pending, running_words, state_words
from engine.model import GROUP_KINDS


def why_execution(found: Row, facts: Facts) -> Why:
    """Why an execution is in its state."""
    why = Why(f"{found['flow']}#{found['number']}", found["state"])
    if found["state"] in ("failed", "partial"):
        _failed(why, found, facts)
    elif found["state"] == "cancelled":
        _cancelled(why, found, facts)
    elif found["state"] == "paused":
        _paused(why, facts)
    elif found["state"] in ("queued", "running"):
        explain_live(why, found, facts)
    else:
        took = found.get("duration_ms")
        span = f" after {took / 1000:.1f} s" if took is not None else ""
        why.answer = f"It completed{span}; nothing is in its way."
    why.causes += time_causes(facts)
    return why


def time_causes(facts: Facts) -> list[Cause]:
    """Where the time goes, and when it should end."""
    told = (("bottleneck", facts.bottleneck), ("expected", facts.expected_words))
    return [Cause(subject, what, 1) for subject, what in told if what]


def note_causes(facts: Facts, path: str | None) -> list[Cause]:
    """What people wrote beside this, and where the same error came up before."""
    own = [note for note in facts.notes if path in (None, note["step"])]
    found = [_note("note", note) for note in own[-NAMED_LIMIT:]]
    return found + [_note("noted before", note) for note in facts.known[:NAMED_LIMIT]]


def _note(subject: str, note: Row) -> Cause:
    first, *rest = str(note["text"]).splitlines() or [""]
    step = f" {note['step']}" if note["step"] else ""
    what = f"{first} ({note['by']}, {note['flow']}#{note['number']}{step})"
    return Cause(subject, what, 1, note["at"], tuple(rest[:CHAIN_LIMIT]))


def why_step(found: Row, path: str, facts: Facts) -> Why:
    """Why one step is in its state."""
    steps = {step["path"]: step for step in found.get("steps", ())}
    step = steps[path]
    why = Why(f"{found['flow']}#{found['number']} {path}", step["state"])
    if step["state"] in FAILED:
        why.answer = f"{path} {step['state']}: {_error_text(step)}"
        why.probe = _probe_of(step)
        why.causes.append(_failure(step, facts))
        _helps_of_failure(why, found, path)
    elif step["state"] in ("skipped", "cancelled"):
        reason = step.get("reason") or "its need did not end well"
        why.answer = f"{path} was {step['state']}: {reason}"
        _skipped(why, step, steps, facts)
    elif step["state"] in ("pending", "waiting"):
        explain_pending(why, found, step, steps, facts, 0)
        why.answer = f"{path} waits: {why.causes[0].what}" if why.causes else f"{path} may start"
    elif step["state"] == "running":
        why.answer = running_words(step, facts)
    else:
        why.answer = f"{path} is {step['state']}; nothing is in its way."
    return why


def _failed(why: Why, found: Row, facts: Facts) -> None:
    steps = {step["path"]: step for step in found.get("steps", ())}
    bad = [
        step
        for step in steps.values()
        if step["state"] in FAILED and step.get("kind") not in GROUP_KINDS
    ]
    bad.sort(key=lambda step: step.get("ended_at") or "")
    error = found.get("error") or {}
    first = steps.get(error.get("step") or "") or next(
        (step for step in bad if not step.get("handled")), None
    )
    where = f"step {first['path']}: " if first else ""
    what = (first and facts.words.get(first["path"])) or error.get("message") or "it failed"
    why.answer = f"{where}{what} ({error.get('type') or 'any'})"
    if first is not None:
        why.probe = _probe_of(first)
        why.causes.append(_failure(first, facts))
        why.causes += _its_needs(first, steps)
        again = _same_error(first, found, facts.earlier)
        if again is not None:
            why.causes.append(again)
    for step in bad:
        if step is not first and len(why.causes) < CHAIN_LIMIT:
            why.causes.append(_failure(step, facts))
    skipped = [path for path, step in steps.items() if _is_skipped_for_a_failure(step, steps)]
    if skipped and bad:
        named = ", ".join(skipped[:NAMED_LIMIT]) + (" …" if len(skipped) > NAMED_LIMIT else "")
        why.causes.append(Cause(named, "did not run because of it", depth=1))
    _helps_of_failure(why, found, first["path"] if first else None)


def _is_skipped_for_a_failure(step: Row, steps: Mapping[str, Row]) -> bool:
    """Whether what it waited for has failed, or was skipped for that: its reason names it."""
    if step["state"] != "skipped":
        return False
    while step["state"] == "skipped":
        cause = steps.get(str(step.get("reason") or "").rpartition(" ")[0])
        if cause is None:
            return False
        step = cause
    return step["state"] in FAILED

def _failure(step: Row, facts: Facts) -> Cause:
    is_told = str((step.get("error") or {}).get("type")) == f"exit:{step.get('exit_code')}"
    exit_ = f", exit code {step['exit_code']}" if step.get("exit_code") and not is_told else ""
    tries = f", attempt {step['attempts']}" if (step.get("attempts") or 0) > 1 else ""
    lines = tuple(facts.lines.get(step["path"], ()))
    return Cause(
        step["path"],
        f"{step['state']}: {_error_text(step)}{exit_}{tries}",
        since=step.get("ended_at"),
        lines=lines,
    )


def _probe_of(step: Row) -> str:
    """The step whose server can be asked whether it answers now."""
    return str(step["path"]) if step.get("kind") == "http" else ""


def _error_text(step: Row) -> str:
    error = step.get("error") or {}
    if not error:
        return str(step.get("reason") or "no error was recorded")
    return f"{error.get('message')} ({error.get('type')})"


def _need_words(need: Row) -> str:
    handled = ", which was handled" if need.get("handled") else ""
    return f"its need was {need['state']}{handled}"


def _its_needs(step: Row, steps: Mapping[str, Row]) -> list[Cause]:
    """What came before a failure: the needs, where one of them was not as it should be."""
    odd = [steps[need] for need in step.get("needs") or () if need in steps]
    return [
        Cause(need["path"], _need_words(need), 1, need.get("ended_at"))
        for need in odd
        if need["state"] not in ("completed", "reused")
    ][:NAMED_LIMIT]


def _same_error(step: Row, found: Row, earlier: Sequence[Row]) -> Cause | None:
    """Earlier executions that the same error of the same step has ended."""
    kind = (step.get("error") or {}).get("type")
    same = [
        row
        for row in earlier
        if (row.get("error") or {}).get("step") == step["path"]
        and (row.get("error") or {}).get("type") == kind
    ]
    if not earlier:
        return None
    if not same:
        good = next((row for row in earlier if row["state"] == "completed"), None)
        last = f"; {good['flow']}#{good['number']} completed" if good else ""
        return Cause("before", f"not in the {len(earlier)} executions before{last}", 1)
    named = ", ".join(f"{row['flow']}#{row['number']}" for row in same[:NAMED_LIMIT])
    return Cause(
        "before",
        f"the same error ended {len(same)} of the {len(earlier)} executions before: {named}",
        1,
        same[-1].get("ended_at"),
    )


def _helps_of_failure(why: Why, found: Row, path: str | None) -> None:
    name = f"{found['flow']}#{found['number']}"
    only = f" --step {path}" if path else ""
    step: Row = next((each for each in found.get("steps", ()) if each["path"] == path), {})
    child = step.get("child")
    first = Help(f"wingman logs {name}{only}", "what it printed")
    if child:
        called = f"{child['flow']}#{child['number']}"
        first = Help(f"wingman why {called}", f"why what {path} called failed")
    why.helps = [
        first,
        Help(f"wingman retry {name}", "run what did not complete again"),
        Help(f"wingman resume {name}", "after a fix of the flow: reuse what is unchanged"),
        Help(f"wingman rerun {name}", "run all of it anew, also with other inputs"),
        Help(f"wingman diff {name}", "what is different from the last good one"),
    ]


def _cancelled(why: Why, found: Row, facts: Facts) -> None:
    event = last_of(facts.events, "execution.cancelling")
    data = event["data"] if event else {}
    error = found.get("error") or {}
    why.answer = str(error.get("message") or data.get("reason") or "It was cancelled.")
    who = data.get("actor")
    if event:
        how = f"{data.get('mode', 'cancel')}{f' by {who}' if who else ''}"
        why.causes.append(Cause(why.subject, how, since=event["at"]))
    name = f"{found['flow']}#{found['number']}"
    why.helps = [Help(f"wingman retry {name}", "run what did not complete")]


def _paused(why: Why, facts: Facts) -> None:
    event = last_of(facts.events, "execution.paused")
    who = event["data"].get("actor") if event else None
    why.answer = f"It is paused{f' by {who}' if who else ''}: no new step starts."
    if event:
        why.causes.append(Cause(why.subject, why.answer, since=event["at"]))
    why.helps = [Help(f"wingman continue {why.subject}", "let it go on")]

def _skipped(why: Why, step: Row, steps: Mapping[str, Row], facts: Facts) -> None:
    outer = step["path"].rpartition("/")[0]
    for path in (*(step.get("needs") or ()), *([outer] if outer in steps else ())):
        need = steps.get(path)
        if need is not None and need["state"] in FAILED:
            why.causes.append(_failure(need, facts))
        elif need is not None and need["state"] in ("skipped", "cancelled"):
            why.causes.append(Cause(path, state_words(need), since=need.get("ended_at")))
    why.helps = [Help(f"wingman why {why.subject.split(' ')[0]}", "about the whole execution")]
