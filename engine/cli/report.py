"""What following commands say when an execution starts and ends; the one line of `--json`."""

from __future__ import annotations

import sys

from engine.cli import states
from engine.cli.format import duration, local_time
from engine.cli.table import beside
from engine.cli.terminal import PIPE_WIDTH, clean, clean_lines, tell, width

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def name_of(execution: dict[str, Any]) -> str:
    """`nightly-backup#128`, harmless to print."""
    return clean(f"{execution['flow']}#{execution['number']}")


def tell_started(started: dict[str, Any], verb: str = "started") -> None:
    """Narrate the start."""
    tell(f"{verb} {name_of(started)}, id {clean(started['id'])}")


def tell_ended(execution: dict[str, Any]) -> None:
    """Narrate the end; of a failure, what failed and which commands help."""
    name = name_of(execution)
    took = duration(execution["duration_ms"])
    look = states.shown(states.word(execution), sys.stderr)
    tell(f"{look}  {name}{f' after {took}' if took else ''}")
    error = execution.get("error")
    if error:
        step = error.get("step")
        where = f"step {clean(step)}: " if step else ""
        tell(f"  {where}{clean_lines(error['message'])} ({clean(error['type'])})")
    if execution["state"] in ("failed", "partial", "cancelled"):
        for line in helping_commands(execution, width(sys.stderr) - 2):
            tell(f"  {line}")


def waiting_words(waiting: dict[str, Any] | None) -> str:
    """What an execution that cannot move by itself waits for; empty while it can."""
    if not waiting:
        return ""
    step = f"step {clean(waiting.get('step'))}"
    if waiting.get("kind") == "approval":
        until = f" (until {local_time(waiting['until'])})" if waiting.get("until") else ""
        role = clean(waiting.get("role") or "")
        whose = f" {role}'s" if role else ""
        article = "an" if not role or role[0] in "aeiou" else "a"
        return f"{article}{whose} approval: {step}: {clean(waiting.get('message'))}{until}"
    if waiting.get("kind") == "timer" and waiting.get("reason") == "wait":
        return f"{step}: {local_time(waiting.get('until'))}"
    if waiting.get("kind") == "timer":
        return f"{step}: its next attempt, {local_time(waiting.get('until'))}"
    if waiting.get("kind") == "operator":
        return f"an operator: {step} was {clean(waiting.get('reason'))}, its outcome is unknown"
    if waiting.get("kind") in ("group", "requires"):
        return clean(waiting.get("reason"))
    if waiting.get("kind") == "pool" and waiting.get("reason"):
        return f"{step}: {clean(waiting['reason'])}"
    if waiting.get("kind") == "flow":
        return f"{step}: {name_of(waiting)}, {waiting_words(waiting.get('waiting_for'))}"
    return f"{clean(waiting.get('kind'))} ({step})"


def stuck_words(row: dict[str, Any]) -> str:
    """Why something that runs may be stuck; empty where it is not."""
    stuck = row.get("stuck")
    if not stuck:
        return ""
    step = f"{clean(stuck['step'])}: " if stuck["step"] and "path" not in row else ""
    return step + clean(stuck["reason"])


def helping_commands(execution: dict[str, Any], columns: int = PIPE_WIDTH) -> list[str]:
    """The commands that go on from here, with what each does."""
    name = name_of(execution)
    step = (execution.get("error") or {}).get("step")
    only = f" --step {clean(step)}" if step else ""
    state = execution["state"]
    if state in ("failed", "partial", "cancelled"):
        child = _called(execution, step)
        lines = [(f"wingman logs {name}{only}", "what it printed")] if state == "failed" else []
        if child:
            lines = [(f"wingman why {child}", "why what it called failed")]
        lines += [
            (f"wingman retry {name}", "run what did not complete again"),
            (f"wingman resume {name}", "the same with the flow as it is now, after a fix"),
        ]
    elif state == "paused":
        lines = _answers(execution)
    elif state in states.TERMINAL:
        return []
    else:
        lines = _answers(execution)
        lines += [(f"wingman logs -f {name}", "follow it"), (f"wingman cancel {name}", "end it")]
    return beside(lines, columns)


def answering_commands(execution: dict[str, Any], columns: int = PIPE_WIDTH) -> list[str]:
    """The commands that end what holds it up, or tell who does, with what each does."""
    lines = _answers(execution)
    kind = (execution["waiting_for"] or {}).get("kind")
    if not lines and kind == "pool":
        lines = [("wingman pools", "who holds and who waits")]
    elif not lines and kind in ("group", "flow"):
        lines = [(f"wingman why {name_of(execution)}", "what it waits for, down to who holds it")]
    return beside(lines, columns)


def _answers(execution: dict[str, Any]) -> list[tuple[str, str]]:
    """What somebody is to say, where an execution waits for that."""
    name = name_of(execution)
    if execution["state"] == "paused":
        return [(f"wingman continue {name}", "let it go on")]
    name_below, kind = _asking(execution)
    if kind == "operator":
        return [(f"wingman retry {name_below or name}", "run the interrupted step again")]
    if kind == "approval":
        asked = name_below or f"{name}{_which(execution)}"
        return [(f"wingman approve {asked}", "let it go on"),
                (f"wingman reject {asked}", "say no, with -m TEXT")]  # fmt: skip
    return []


def _asking(execution: dict[str, Any]) -> tuple[str, str | None]:
    """What is waited for, and by which called execution; no name where it is this one."""
    waiting, name = execution.get("waiting_for") or {}, ""
    while waiting.get("kind") == "flow":
        name, waiting = name_of(waiting), waiting.get("waiting_for") or {}
    return name, waiting.get("kind")


def _which(execution: dict[str, Any]) -> str:
    """The step to name with `approve` where several wait for somebody."""
    asking = [step for step in execution.get("steps", ())
              if (step.get("waiting_for") or {}).get("kind") == "approval"]  # fmt: skip
    step = (execution.get("waiting_for") or {}).get("step")
    return f" {clean(step)}" if len(asking) > 1 and step else ""


def _called(execution: dict[str, Any], path: str | None) -> str:
    """The execution that a step has called, by its name; empty where it has called none."""
    for step in execution.get("steps", ()) if path else ():
        if step["path"] == path and step.get("child"):
            return name_of(step["child"])
    return ""


def json_line(execution: dict[str, Any]) -> str:
    """The execution as `--json` prints it: one line, the keys and their order fixed."""
    import json

    from engine.wire import EXECUTION_KEYS, MORE_EXECUTION_KEYS, MORE_STEP_KEYS, STEP_KEYS

    line = {key: execution.get(key) for key in EXECUTION_KEYS if key in execution}
    line |= {key: execution[key] for key in MORE_EXECUTION_KEYS if execution.get(key)}
    if "steps" in line:
        steps = execution["steps"]
        line["steps"] = [
            {key: step.get(key) for key in STEP_KEYS}
            | {key: step[key] for key in MORE_STEP_KEYS if step.get(key)}
            for step in steps
        ]
    return json.dumps(line)


def json_started(started: dict[str, Any]) -> str:
    """The answer to a start or a verb, as one line."""
    import json

    return json.dumps({key: started.get(key) for key in ("id", "flow", "number", "state")})
