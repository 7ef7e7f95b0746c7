"""`wingman show REF`: one execution as an account, what went wrong first."""

from __future__ import annotations

import sys
import time

from engine.attempt import began_at
from engine.cli import states
from engine.cli.format import count, duration, epoch_s, local_time, size
from engine.cli.report import (
    helping_commands,
    json_line,
    name_of,
    stuck_words,
    waiting_words,
)
from engine.cli.table import Column, lay_out
from engine.cli.terminal import clean, clean_lines, cut, has_glyphs, paint, print_json, width
from engine.client.http import segment, with_query
from engine.client.launch import ensure_engine
from engine.paths import find_home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from engine.cli.parser import Arguments, Parser

ODD_BATCHES = 20  # of one step, with their own row; --json has more
VALUE_COLUMNS = 160  # of an input or output; --json has all of it


def arguments(parser: Parser, name: str) -> None:
    """Declare the arguments."""
    parser.argument("execution", metavar="REF", help="as flow#12, flow@last, @last")
    parser.option("--at", metavar="WHEN", help="as it was: a journal number, a time, or +10s")
    parser.flag("--calls", help="open all steps that call flows, not only those that failed")
    parser.flag("--definition", help="print the flow file it runs")
    parser.json_flag()


def execute(args: Arguments, name: str) -> int:
    """Ask for the execution and tell it."""
    client = ensure_engine(find_home())
    path = f"/v1/executions/{segment(args.execution)}"
    if args.definition:
        sys.stdout.write(_as_is(client.text(f"{path}/definition")))
        return 0
    if args.at is not None:
        found = client.request("GET", with_query(f"{path}/replay", at=args.at))
        execution = found["execution"]
        if args.json:
            print_json(found)
            return 0
        print(_moment(found))
        for line in _pools_then(found["pools"]):
            print(line)
    else:
        calls = "all" if args.calls else None if args.json else "failed"
        execution = client.request("GET", with_query(path, calls=calls))
    if args.json:
        print(json_line(execution))
        return 0
    for line in _account(execution):
        print(line)
    return 0


def _moment(found: dict[str, Any]) -> str:
    """Which moment of the journal is shown."""
    since = duration(found["since_start_ms"])
    place = f"event {found['index']} of {found['count']} (number {found['seq']})"
    return f"as of {place}, {since} after it was asked for: {clean(found['text'])}\n"


def _pools_then(pools: list[dict[str, Any]]) -> list[str]:
    """Who held slots of the flow's pools then, over all executions, and who waited."""
    lines = []
    for pool in pools:
        lines.append(f"pool {clean(pool['name'])}: {count(pool['used'], 'slot')} taken")
        for word, claims in (("holds", pool["holders"]), ("waits", pool["waiters"])):
            lines += [
                f"  {word}  {name_of(one)} {clean(one['step'])}, {count(one['slots'], 'slot')}"
                for one in claims
            ]
    return [*lines, ""] if lines else []


def _as_is(text: str) -> str:
    return clean_lines(text) if sys.stdout.isatty() else text


def _account(execution: dict[str, Any]) -> list[str]:
    """The lines of the account."""
    blocks = [
        _head(execution),
        _error(execution),
        _steps(execution.get("steps", [])),
        _values("Inputs", execution["inputs"]),
        _values("Environment of the server", execution.get("environment") or {}),
        _values("Outputs", execution["outputs"]),
        helping_commands(execution, width(sys.stdout)),
    ]
    lines: list[str] = []
    for block in blocks:
        if block:
            lines += [*([""] if lines else []), *block]
    return lines


def _head(execution: dict[str, Any]) -> list[str]:
    state = states.shown(states.word(execution), sys.stdout)
    badge = f"  {paint('DEBUG', 'yellow', 'bold', file=sys.stdout)}" if execution["debug"] else ""
    name = paint(name_of(execution), "bold", file=sys.stdout)
    facts = [
        ("id", execution["id"]),
        ("started", _started(execution)),
        ("took", _took(execution)),
        ("expected", _expected(execution)),
        ("trigger", _joined(execution["trigger"], "by", execution["actor"])),
        ("type", _joined(execution["type"], "", " ".join(execution["tags"]))),
        ("attempt", execution["attempt"] if execution["attempt"] > 1 else ""),
        ("version", execution["version"][:12]),
        ("resumed from", execution["resumed_from"]),
        ("rerun of", execution["rerun_of"]),
        ("called by", _caller(execution.get("parent"))),
        ("may be stuck", stuck_words(execution)),
        ("waiting for", waiting_words(execution["waiting_for"])),
        ("warnings", execution["warnings"]),
    ]
    rows = [f"  {key:<12} {clean(value)}" for key, value in facts if value]
    return [f"{state}  {name}{badge}", *rows]


def _caller(parent: dict[str, Any] | None) -> str:
    return f"{name_of(parent)} {clean(parent['step'])}" if parent else ""


def _joined(first: str, word: str, second: str) -> str:
    return f"{first} {word} {second}".replace("  ", " ").strip() if second else first


def _started(execution: dict[str, Any]) -> str:
    started = execution["started_at"]
    if not started:
        return f"not yet (asked for {local_time(execution.get('created_at'))})"
    again, ended = execution.get("attempt_started_at"), execution["ended_at"]
    attempt = f", attempt {execution['attempt']} {local_time(again)}" if again else ""
    return f"{local_time(started)}{attempt}{f', ended {local_time(ended)}' if ended else ''}"


def _took(execution: dict[str, Any]) -> str:
    began = began_at(execution)
    if execution["duration_ms"] is None and began:
        so_far_s = time.time() - epoch_s(began)
        return f"{duration(max(0.0, so_far_s) * 1000)} so far"
    return duration(execution["duration_ms"])


def _expected(execution: dict[str, Any]) -> str:
    """When a live one should end, by what the last good ones took."""
    expected = execution.get("expected")
    if not expected:
        return ""
    n = expected["executions"]
    usual = f"{duration(expected['usual_ms'])} is usual"
    if n > 1:
        usual += f", the median of {n}"
    end = expected["end_at"]
    if not end:
        return usual
    left_s = max(0.0, epoch_s(end) - time.time())
    return f"to end at {local_time(end)}, in {duration(left_s * 1000)} ({usual})"


def _error(execution: dict[str, Any]) -> list[str]:
    """The execution's error, then those of its steps that it does not name."""
    errors = [execution["error"]] if execution["error"] else []
    named = {error.get("step") for error in errors}
    errors += [
        {**step["error"], "step": step["path"]}
        for step in execution.get("steps", [])
        if step["error"]
        and not _is_batch(step)  # its step tells how many failed
        and step["path"] not in named
        and step["id"] not in named
        and not step.get("of")  # its caller has it
        and step.get("kind") not in ("parallel", "steps")  # a group has the error of its step
    ]
    lines = []
    for error in errors:
        where = f"step {clean(error['step'])}: " if error.get("step") else ""
        first, *rest = clean_lines(error["message"]).splitlines() or [""]
        label = paint("error", "red", "bold", file=sys.stdout)
        lines += [f"{label} {where}{first} ({clean(error['type'])})", *(f"  {x}" for x in rest)]
    return lines


def _steps(steps: list[dict[str, Any]]) -> list[str]:
    if not steps:
        return []
    own = [step for step in steps if not _is_batch(step) and not step.get("of")]
    done = sum(step["state"] in ("completed", "reused") for step in own)
    part = sum(step["state"] == "partial" for step in own)

    def state(text: str) -> str:
        return paint(text, *states.LOOKS.get(text[2:].rstrip(), ("", "", ()))[2], file=sys.stdout)

    columns = [
        Column("STATE", paint=state),
        Column("STEP", shrink=1, least=16, middle=True),
        Column("TOOK", right=True),
        Column("CPU", right=True, shrink=3, least=5, may_go=True),
        Column("MEMORY", right=True, shrink=4, least=6, may_go=True),
        Column("NOTE", shrink=5, least=16, may_go=True),
    ]
    rows = [_step_row(step) for step in _told(steps)]
    title = f"{count(len(own), 'step')}, {done} completed{f', {part} partial' if part else ''}"
    return [title, *(f"  {line}" for line in lay_out(columns, rows, width(sys.stdout) - 2))]


def _is_batch(step: dict[str, Any]) -> bool:
    return str(step["id"]).isdigit()  # no step of a file has such an id


def _told(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The steps of the file, and of batches some that did not complete."""
    told, odd = [], 0
    for step in steps:
        if not _is_batch(step):
            odd = 0
        elif step["state"] == "completed" or odd == ODD_BATCHES:
            continue
        else:
            odd += 1
        told.append(step)
    return told


def _batch_words(batch: dict[str, Any]) -> str:
    words = f"{batch['batches']} batch{'es' if batch['batches'] != 1 else ''}"
    if batch["ended"] != batch["batches"]:
        words = f"{batch['ended']} of {words}"
    return words


def _step_row(step: dict[str, Any]) -> list[str]:
    state = "stuck" if step.get("stuck") else step["state"]
    if state == "running" and step.get("waiting_for"):
        state = "waiting"
    glyph, ascii_glyph, _ = states.LOOKS.get(state, ("?", "?", ()))
    cpu_s = step["cpu_s"]
    return [
        f"{glyph if has_glyphs(sys.stdout) else ascii_glyph} {state}",
        clean(step["path"]),
        duration(step["duration_ms"]),
        duration(cpu_s * 1000) if cpu_s is not None else "",
        size(step["max_rss_bytes"]),
        stuck_words(step) or _step_note(step),
    ]


def _step_note(step: dict[str, Any]) -> str:
    parts = [_batch_words(step["batch"])] if step.get("batch") else []
    if step.get("child"):
        parts.append(name_of(step["child"]))
        if step.get("waiting_for"):
            parts.append(f"waits for {waiting_words(step['waiting_for']['waiting_for'])}")
    if step["attempts"] > 1:
        parts.append(f"{step['attempts']} attempts")
    if step["state"] not in ("completed", "running") and step.get("reason"):
        parts.append(str(step["reason"]))
    if step.get("signal"):
        parts.append(f"ended by {step['signal']}")
    elif step["exit_code"]:
        parts.append(f"exit code {step['exit_code']}")
    if step["warnings"]:
        parts.append(count(step["warnings"], "warning"))
    if step.get("handled") and "handled" not in str(step.get("reason")):
        parts.append("handled")
    return clean(", ".join(parts))


def _values(title: str, values: dict[str, Any]) -> list[str]:
    if not values:
        return []
    import json

    lines = [title]
    for name, value in values.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        lines.append(f"  {clean(name)} = {cut(clean(text), VALUE_COLUMNS)}")
    return lines
