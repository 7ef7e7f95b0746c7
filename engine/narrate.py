"""The engine's own lines about an execution: journal events in words. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

Data = dict[str, Any]


def narrate(type_: str, data: Data) -> tuple[str, str] | None:
    """(level, text) of an event, None for one that says nothing to people."""
    teller = TELLERS.get(type_)
    return teller(data) if teller else None


def _queued(data: Data) -> tuple[str, str]:
    return "info", f"{data['flow']}#{data['number']} queued by {data['actor']} ({data['trigger']})"


def _starting(data: Data) -> tuple[str, str]:
    verb = "is in line for a free place" if data.get("lined_up") else "starts"
    return "info", f"{data['step']}: attempt {data['try_number']} {verb}"


def _attempt_ended(data: Data) -> tuple[str, str]:
    span = (
        f" after {data['duration_ms'] / 1000:.3f} s" if data.get("duration_ms") is not None else ""
    )
    error = data.get("error")
    why = f": {error['message']}" if error else ""
    level = "info" if data["state"] == "completed" else "warning"
    if data["state"] in ("failed", "interrupted"):
        level = "error"
    reason = f" ({data['reason']})" if data.get("reason") else ""
    return level, f"{data['step']}: {data['state']}{span}{why}{reason}"


def _step_ended(data: Data) -> tuple[str, str]:
    error = data.get("error")
    level = "error" if data["state"] == "failed" else "info"
    why = error["message"] if error else data.get("reason", "")
    return level, f"{data['step']}: {data['state']}" + (f": {why}" if why else "")


def _child_starting(data: Data) -> tuple[str, str]:
    again = f", attempt {data['attempt']} of it" if data["attempt"] > 1 else ""
    return "info", f"{data['step']}: calls {data['flow']}{again}"


def _child_waiting(data: Data) -> tuple[str, str]:
    waiting = data["waiting_for"]
    if not waiting:
        return "info", f"{data['step']}: what it calls goes on"
    while waiting["kind"] == "flow":
        waiting = waiting["waiting_for"]
    words = waiting.get("message") or waiting.get("reason") or waiting.get("pool")
    return "info", f"{data['step']}: what it calls waits: {waiting['kind']}" + (
        f": {words}" if words else ""
    )


def _waiting(data: Data) -> tuple[str, str]:
    asks = f": {data['message']}" if data.get("message") else ""
    return "info", f"{data['step']}: waits: {data['reason']}{asks}"


def _decided(data: Data) -> tuple[str, str]:
    how = "approved" if data["approved"] else "rejected"
    comment = f": {data['comment']}" if data["comment"] else ""
    level = "info" if data["approved"] else "warning"
    return level, f"{data['step']}: {how} by {data['by']}{comment}"


def _detail(data: Data) -> tuple[str, str]:
    """What debug mode tells: each part on a line of its own."""
    detail = data["detail"]
    lines = [f"{data['step']}: debug"]
    if "text" in detail:
        lines += [f"  runs with {' '.join(detail['shell'])}:"]
        lines += [f"    {line}" for line in detail["text"].splitlines()]
    if detail.get("python"):
        lines.append(f"  python: {json.dumps(detail['python'], ensure_ascii=False)}")
    if detail.get("http"):
        lines.append(f"  http: {json.dumps(detail['http'], ensure_ascii=False)}")
    if "if" in detail:
        lines.append(f"  {detail['if']}")
    if "cwd" in detail:
        lines.append(f"  working directory: {detail['cwd']}")
    lines += [f"  {name}={value}" for name, value in sorted(detail.get("env", {}).items())]
    return "debug", "\n".join(lines)


def _ended(data: Data) -> tuple[str, str]:
    error = data.get("error")
    level = {"completed": "info", "partial": "warning", "cancelled": "warning"}.get(
        data["state"], "error"
    )
    where = f"{error['step']}: " if error and error.get("step") else ""
    return level, f"execution {data['state']}" + (f": {where}{error['message']}" if error else "")


def _cancelling(data: Data) -> tuple[str, str]:
    return "warning", f"{data['mode']}: {data.get('reason') or 'no reason given'}"


def _by(text: str) -> Callable[[Data], tuple[str, str]]:
    def teller(data: Data) -> tuple[str, str]:
        return "info", f"{text} by {data['actor']}" if data.get("actor") else text

    return teller


def _released(data: Data) -> tuple[str, str]:
    again = "runs again" if data.get("again") else "stays interrupted"
    return _by(f"{data['step']}: {again}, decided")(data)


def _debug(data: Data) -> tuple[str, str]:
    return "info", f"debug mode {'on' if data['on'] else 'off'}"


TELLERS: dict[str, Callable[[Data], tuple[str, str]]] = {
    "execution.queued": _queued,
    "execution.started": _by("execution started"),
    "execution.waiting": lambda data: ("info", f"queued: {data['reason']}"),
    "execution.checked": lambda data: ("info", "what the flow requires is there"),
    "execution.section": lambda data: ("info", f"section {data['section']}"),
    "execution.paused": _by("paused"),
    "execution.continued": _by("continued"),
    "execution.cancelling": _cancelling,
    "execution.unexpected": lambda data: ("error", data["error"]["message"]),
    "execution.ended": _ended,
    "execution.retried": _by("retried"),
    "execution.debug": _debug,
    "execution.masked": lambda data: ("info", "a step has had more values masked"),
    "attempt.starting": _starting,
    "attempt.checking": lambda data: ("debug", f"{data['step']}: ended; `expect` is evaluated"),
    "attempt.began": lambda data: ("info", f"{data['step']}: has begun"),
    "attempt.recalled": lambda data: ("info", f"{data['step']}: {data['reason']}"),
    "attempt.ended": _attempt_ended,
    "child.starting": _child_starting,
    "child.started": lambda data: ("info", f"{data['step']}: is execution #{data['number']}"),
    "child.waiting": _child_waiting,
    "child.checking": lambda data: ("debug", f"{data['step']}: ended; `expect` is evaluated"),
    "child.ended": _attempt_ended,
    "step.ended": _step_ended,
    "step.released": _released,
    "step.handled": lambda data: ("info", f"{data['step']}: {data['reason']}"),
    "batch.started": lambda data: ("info", f"{data['step']}: {data['items']} items begin"),
    "group.started": lambda data: ("info", f"{data['step']}: starts"),
    "group.ended": _step_ended,
    "step.reused": lambda data: ("info", f"{data['step']}: {data['state']}, {data['reason']}"),
    "step.waiting": _waiting,
    "step.decided": _decided,
    "step.detail": _detail,
}
