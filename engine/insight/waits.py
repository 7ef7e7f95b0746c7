"""What something that has not ended does or waits for, down to who holds it up. For `why`; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from engine.insight.answer import CHAIN_LIMIT, NAMED_LIMIT, Cause, Facts, Help, Row, Why
from engine.insight.stuck import stuck_words
from engine.model import GROUP_KINDS


def explain_live(why: Why, found: Row, facts: Facts) -> None:
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
    if found.get("stuck"):
        why.answer = f"It may be stuck: {stuck_words(found['stuck'])}"
    why.causes += [
        Cause(step["path"], running_words(step, facts), since=step.get("started_at"))
        for step in running[:NAMED_LIMIT]
    ]
    why.helps += [
        Help(f"wingman why {child['flow']}#{child['number']}", f"about what {path} calls")
        for path, child in list(facts.children.items())[:NAMED_LIMIT]
    ]
    held = _full(found, facts, len(running))
    if held is not None:
        why.causes.append(held)
    for step in steps.values():
        if step["state"] == "waiting" and len(why.causes) < CHAIN_LIMIT:
            explain_pending(why, found, step, steps, facts, 1)
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
    if waiting.get("kind") == "flow":
        _called(why, waiting)
        return  # the causes name what is called
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


def _called(why: Why, waiting: Row) -> None:
    """A step whose called execution waits: for what, at the end of the chain, and what helps."""
    name = why.subject
    while waiting.get("kind") == "flow":
        name = f"{waiting['flow']}#{waiting['number']}"
        waiting = waiting["waiting_for"]
    below = Why(name, "waiting")
    if waiting.get("kind") in ("group", "requires"):
        below.answer = str(waiting.get("reason"))
    else:
        _waiting(below, waiting)
    why.answer = f"It waits for {name}: {below.answer}"
    why.helps += below.helps


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


def child_words(child: Row) -> str:
    """An execution that a step calls: its name, and where it is now."""
    waiting = child.get("waiting_for") or {}
    words = f"{child['flow']}#{child['number']}, which is {child['state']}"
    if waiting.get("kind") == "approval":
        return f"{words} and asks: {waiting.get('message')}"
    if waiting.get("kind") == "flow":
        below = {**waiting, "state": "waiting"}
        return f"{words} and waits for {child_words(below)}"
    return f"{words} and waits ({waiting['kind']})" if waiting.get("kind") else words


def running_words(step: Row, facts: Facts) -> str:
    if step.get("stuck"):
        return f"may be stuck: {step['stuck']['reason']}"
    if step["path"] in facts.children:
        return f"runs as {child_words(facts.children[step['path']])}"
    usual = facts.usual_ms.get(step["path"])
    tries = f", attempt {step['attempts']}" if (step.get("attempts") or 0) > 1 else ""
    return f"runs{tries}{f'; usually it takes {usual / 1000:.1f} s' if usual else ''}"


def explain_pending(
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
        what = running_words(need, facts) if need["state"] == "running" else state_words(need)
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


def state_words(step: Row) -> str:
    reason = step.get("reason")
    if step["state"] == "pending":
        return "has not started"
    return f"is {step['state']}{f': {reason}' if reason else ''}"
