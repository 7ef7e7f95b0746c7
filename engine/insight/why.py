"""Why an execution, a step or a flow is where it is: the chain of causes, and what helps. Pure.

`Facts` are gathered by `engine.server.explain`. Texts may hold what flows and steps say, so whoever
shows them cleans them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from engine.insight.answer import CHAIN_LIMIT, NAMED_LIMIT, Cause, Facts, Help, Row, Why
from engine.model import GROUP_KINDS

FAILED = ("failed", "interrupted")


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
        _live(why, found, facts)
    else:
        took = found.get("duration_ms")
        span = f" after {took / 1000:.1f} s" if took is not None else ""
        why.answer = f"It completed{span}; nothing is in its way."
    return why


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
        _pending(why, found, step, steps, facts, 0)
        why.answer = f"{path} waits: {why.causes[0].what}" if why.causes else f"{path} may start"
    elif step["state"] == "running":
        why.answer = _running_words(step, facts)
    else:
        why.answer = f"{path} is {step['state']}; nothing is in its way."
    return why


# -- what went wrong --


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
    why.answer = f"{where}{error.get('message') or 'it failed'} ({error.get('type') or 'any'})"
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
    skipped = [step["path"] for step in steps.values() if step["state"] == "skipped"]
    if skipped and bad:
        named = ", ".join(skipped[:NAMED_LIMIT]) + (" …" if len(skipped) > NAMED_LIMIT else "")
        why.causes.append(Cause(named, "did not run because of it", depth=1))
    _helps_of_failure(why, found, first["path"] if first else None)


def _failure(step: Row, facts: Facts) -> Cause:
    exit_ = f", exit code {step['exit_code']}" if step.get("exit_code") else ""
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


def _its_needs(step: Row, steps: Mapping[str, Row]) -> list[Cause]:
    """What came before a failure: the needs, where one of them was not as it should be."""
    odd = [steps[need] for need in step.get("needs") or () if need in steps]
    return [
        Cause(need["path"], f"its need was {need['state']}", 1, need.get("ended_at"))
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
    why.helps = [
        Help(f"wingman logs {name}{only}", "what it printed"),
        Help(f"wingman retry {name}", "run what did not complete again"),
        Help(f"wingman resume {name}", "after a fix of the flow: reuse what is unchanged"),
        Help(f"wingman rerun {name}", "run all of it anew, with other inputs by -i"),
        Help(f"wingman diff {name}", "what is different from the last good one"),
    ]


def _cancelled(why: Why, found: Row, facts: Facts) -> None:
    event = _last(facts.events, "execution.cancelling")
    data = event["data"] if event else {}
    error = found.get("error") or {}
    why.answer = str(error.get("message") or data.get("reason") or "It was cancelled.")
    who = data.get("actor")
    if event:
        how = f"{data.get('mode', 'cancel')}{f' by {who}' if who else ''}"
        why.causes.append(Cause(why.subject, how, since=event["at"]))
    name = f"{found['flow']}#{found['number']}"
    why.helps = [Help(f"wingman retry {name}", "run what did not complete")]


# -- what it waits for --


def _paused(why: Why, facts: Facts) -> None:
    event = _last(facts.events, "execution.paused")
    who = event["data"].get("actor") if event else None
    why.answer = f"It is paused{f' by {who}' if who else ''}: no new step starts."
    if event:
        why.causes.append(Cause(why.subject, why.answer, since=event["at"]))
    why.helps = [Help(f"wingman continue {why.subject}", "let it go on")]


def _live(why: Why, found: Row, facts: Facts) -> None:
    steps = {step["path"]: step for step in found.get("steps", ())}
    running = [step for step in steps.values() if _has_process(step)]
    waiting = found.get("waiting_for")
    if waiting and waiting.get("kind") == "group":
        _queued(why, waiting, facts)
        return
    if waiting:
        _waiting(why, waiting)
    elif running:
        why.answer = f"{len(running)} of {len(steps)} steps run now"
    else:
        why.answer = "No step runs yet."
    why.causes += [
        Cause(step["path"], _running_words(step, facts), since=step.get("started_at"))
        for step in running[:NAMED_LIMIT]
    ]
    held = _full(found, facts, len(running))
    if held is not None:
        why.causes.append(held)
    for step in steps.values():
        if step["state"] == "waiting" and len(why.causes) < CHAIN_LIMIT:
            _pending(why, found, step, steps, facts, 1)
    name = f"{found['flow']}#{found['number']}"
    why.helps += [
        Help(f"wingman logs -f {name}", "follow it"),
        Help(f"wingman cancel {name}", "end it"),
    ]


def _queued(why: Why, waiting: Row, facts: Facts) -> None:
    """A queued execution: its concurrency group, its holders, and what helps."""
    why.answer = f"It is queued: {waiting.get('reason')}"
    why.causes.append(Cause(why.subject, why.answer, since=waiting.get("since")))
    why.causes += facts.group
    why.helps.append(Help("wingman pools", "who holds and who waits"))
    for cause in facts.group[:1]:
        why.helps.append(Help(f"wingman why {cause.subject}", "about the one that holds it"))
    why.helps.append(Help(f"wingman cancel {why.subject}", "give its place up"))


def _waiting(why: Why, waiting: Row) -> None:
    step = waiting.get("step")
    if waiting.get("kind") == "operator":
        why.answer = f"It waits for you: {step} was interrupted, and its outcome is unknown."
        why.helps.append(Help(f"wingman retry {why.subject}", "run that step again"))
    elif waiting.get("kind") == "approval":
        limit = f", until {waiting['until']}" if waiting.get("until") else ""
        why.answer = f"{step} waits for an approval by {waiting.get('role')}{limit}: " + str(
            waiting.get("message")
        )
        why.helps += [
            Help(f"wingman approve {why.subject}", "let it go on"),
            Help(f"wingman reject {why.subject}", "say no, with --comment"),
        ]
        return  # the causes name the steps that wait
    elif waiting.get("kind") == "timer" and waiting.get("reason") == "wait":
        why.answer = f"{step} waits until {waiting.get('until')}"
    elif waiting.get("kind") == "timer":
        why.answer = f"{step} waits for its next attempt, at {waiting.get('until')}"
    elif waiting.get("kind") == "pool":
        why.answer = f"{step} waits: {waiting.get('reason') or waiting.get('pool')}"
        return  # the causes name the holders
    else:
        why.answer = f"It waits: {waiting.get('kind')} ({step})"
    why.causes.append(Cause(str(step), why.answer))


def _full(found: Row, facts: Facts, running: int) -> Cause | None:
    """Whether steps that may start wait for a free place, and who holds the places."""
    if facts.max_parallel and running >= facts.max_parallel:
        return Cause("max_parallel", f"all {facts.max_parallel} places of this execution are taken")
    if facts.max_running_steps and facts.running_steps >= facts.max_running_steps:
        what = f"all {facts.max_running_steps} places of this engine are taken"
        return Cause("max_running_steps", what)
    return None


def _has_process(step: Row) -> bool:
    return step["state"] == "running" and step.get("kind") not in GROUP_KINDS


def _running_words(step: Row, facts: Facts) -> str:
    usual = facts.usual_ms.get(step["path"])
    tries = f", attempt {step['attempts']}" if (step.get("attempts") or 0) > 1 else ""
    return f"runs{tries}{f'; usually it takes {usual / 1000:.1f} s' if usual else ''}"


def _pending(
    why: Why, found: Row, step: Row, steps: Mapping[str, Row], facts: Facts, depth: int
) -> None:
    """What a step that has not started waits for, down to what runs or has failed."""
    reason = step.get("reason")
    if step["path"] in facts.slots:
        slots = facts.slots[step["path"]]
        why.causes += [replace(each, depth=each.depth - 1 + depth) for each in slots]
        why.helps.append(Help("wingman pools", "who holds and who waits"))
    elif reason:
        why.causes.append(Cause(step["path"], str(reason), depth))
    seen: set[str] = set()
    level = [(need, depth) for need in _before(step, steps)]
    while level and len(why.causes) < CHAIN_LIMIT:
        path, at = level.pop(0)
        need = steps.get(path)
        if need is None or path in seen or need["state"] in ("completed", "reused", "partial"):
            continue
        seen.add(path)
        what = _running_words(need, facts) if need["state"] == "running" else _state_words(need)
        why.causes.append(Cause(path, what, at, need.get("started_at")))
        if need["state"] in ("pending", "waiting"):
            level += [(further, at + 1) for further in _before(need, steps)]
    waiting = found.get("waiting_for") or {}
    if not why.causes and waiting.get("kind") in ("group", "requires"):
        why.causes.append(Cause(why.subject, str(waiting.get("reason")), depth))
    if not why.causes and found["state"] == "paused":
        why.causes.append(Cause(why.subject, "the execution is paused", depth))
    if not why.causes:
        held = _full(found, facts, sum(map(_has_process, steps.values())))
        if held is not None:
            why.causes.append(held)


def _before(step: Row, steps: Mapping[str, Row]) -> list[str]:
    """What a step waits for: its needs, and what it is inside of."""
    outer = step["path"].rpartition("/")[0]
    begins = outer in steps and steps[outer]["state"] in ("pending", "waiting")
    return [*(step.get("needs") or ()), *([outer] if begins else ())]


def _state_words(step: Row) -> str:
    reason = step.get("reason")
    if step["state"] == "pending":
        return "has not started"
    return f"is {step['state']}{f': {reason}' if reason else ''}"


def _skipped(why: Why, step: Row, steps: Mapping[str, Row], facts: Facts) -> None:
    for value in facts.conditions.get(step["path"], ()):
        why.causes.append(Cause("if", value))
    outer = step["path"].rpartition("/")[0]
    for path in (*(step.get("needs") or ()), *([outer] if outer in steps else ())):
        need = steps.get(path)
        if need is not None and need["state"] in FAILED:
            why.causes.append(_failure(need, facts))
        elif need is not None and need["state"] in ("skipped", "cancelled"):
            why.causes.append(Cause(path, _state_words(need), since=need.get("ended_at")))
    why.helps = [Help(f"wingman why {why.subject.split(' ')[0]}", "about the whole execution")]


def _last(events: Sequence[Row], type_: str) -> Row | None:
    return next((event for event in reversed(events) if event["type"] == type_), None)
