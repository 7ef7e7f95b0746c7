"""`wingman diff REF [REF]`: what one execution has otherwise than another, or the last good one."""

from __future__ import annotations

import sys

from engine.cli.format import duration
from engine.cli.terminal import clean, paint, print_json
from engine.client.http import segment, with_query
from engine.client.launch import ensure_engine
from engine.paths import find_home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from engine.cli.parser import Arguments, Parser

SIGN_STYLES = {"+": "green", "-": "red", "@": "cyan"}
VALUE_COLUMNS = 100


def arguments(parser: Parser, name: str) -> None:
    """Declare the arguments."""
    parser.argument("execution", metavar="REF", help="as flow#12, flow@last-failed, @last")
    parser.argument(
        "against", takes="?", metavar="REF", help="compare with this one, not the last good one"
    )
    parser.json_flag()


def execute(args: Arguments, name: str) -> int:
    """Ask, and tell part by part; nothing is said of what is the same."""
    client = ensure_engine(find_home())
    parameters = {"against": args.against} if args.against else {}
    path = with_query(f"/v1/executions/{segment(args.execution)}/diff", **parameters)
    found = client.request("GET", path)
    if args.json:
        print_json(found)
        return 0
    for line in _account(found):
        print(line)
    return 0


def _account(found: dict[str, Any]) -> list[str]:
    head = f"{clean(found['from'])} {found['state'][0]} -> {clean(found['to'])} {found['state'][1]}"
    times = [duration(ms) or "-" for ms in found["duration_ms"]]
    lines = [f"{_title(head)}  {times[0]} -> {times[1]}"]
    if found["definition"]:
        lines += ["", _title("Definition"), *(_signed(line) for line in found["definition"])]
    for title, changed in _values_of(found):
        if changed:
            lines += ["", _title(title), *(_change(entry) for entry in changed)]
    if found["steps"]:
        lines += ["", _title("Steps")]
    for step in found["steps"]:
        lines += _step(step)
    if len(lines) == 1:
        lines.append("nothing else is different")
    return lines


def _values_of(found: dict[str, Any]) -> list[tuple[str, list[dict[str, Any]]]]:
    """What was given and what came out, with its title; an older server tells no environment."""
    environment = ("Environment of the server", found.get("environment", []))
    return [("Inputs", found["inputs"]), environment, ("Outputs", found["outputs"])]


def _title(text: str) -> str:
    return paint(text, "bold", file=sys.stdout)


def _signed(line: str) -> str:
    style = SIGN_STYLES.get(line[:1])
    text = f"  {clean(line)}"
    return paint(text, style, file=sys.stdout) if style else text


def _change(entry: dict[str, Any]) -> str:
    before, after = (_value(entry[k]) if k in entry else "(absent)" for k in ("from", "to"))
    return f"  {clean(entry['name'])}: {before} -> {after}"


def _value(value: Any) -> str:
    import json

    text = clean(json.dumps(value, ensure_ascii=False))
    return text if len(text) <= VALUE_COLUMNS else text[: VALUE_COLUMNS - 1] + "…"


def _step(step: dict[str, Any]) -> list[str]:
    name = f"  {paint(clean(step['path']), 'bold', file=sys.stdout)}"
    if "only_in" in step:
        return [f"{name}: only in the {'newer' if step['only_in'] == 'to' else 'older'} one"]
    parts = [
        f"{key.replace('_', ' ')} {_shown(key, before)} -> {_shown(key, after)}"
        for key, (before, after) in (
            (key, step[key]) for key in ("state", "exit_code", "attempts", "duration_ms")
            if key in step
        )
    ]  # fmt: skip
    lines = [f"{name}: {', '.join(parts)}" if parts else name]
    _, error = step.get("error") or (None, None)
    if error:
        lines.append(f"    {clean(error['message'])} ({clean(error['type'])})")
    lines += [f"  {_change(entry)}" for entry in step.get("outputs", ())]
    if step.get("log"):
        log = step["log"]
        lines.append(f"    log, line {log['line']}:")
        lines += [
            _signed(f"{sign} {text if text is not None else '(no more lines)'}")
            for sign, text in (("-", log["from"]), ("+", log["to"]))
        ]
    return lines


def _shown(key: str, value: Any) -> str:
    if key == "duration_ms":
        return duration(value) or "-"
    return "-" if value is None else clean(value)
