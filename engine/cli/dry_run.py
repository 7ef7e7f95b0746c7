"""`wingman run --dry-run FLOW`: what a start would do, step by step. Called by `run`."""

from __future__ import annotations

import sys

from engine.cli.terminal import clean, paint, print_json, tell
from engine.client.launch import ensure_engine
from engine.paths import find_home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def show_plan(request: dict[str, Any], *, as_json: bool) -> int:
    """Ask for the plan and print it; 1 where it says that something would fail."""
    client = ensure_engine(find_home())
    plan = client.request("POST", "/v1/plan", request)
    if as_json:
        print_json(plan)
    else:
        for line in _lines(plan):
            print(line)
        for problem in plan["problems"]:
            tell(f"{paint('would fail:', 'red', 'bold', file=sys.stderr)} {clean(problem)}")
    return 1 if plan["problems"] else 0


def _lines(plan: dict[str, Any]) -> list[str]:
    lines = [f"{_title(clean(plan['flow']))}  version {plan['version'][:12]}"]
    lines += _values("Inputs", plan["inputs"])
    lines += _values("Environment of the server", plan.get("environment") or {})
    lines += _values("Environment variables", plan["env"])
    lines += _around(plan)
    section = ""
    for step in plan["steps"]:
        if step["section"] != section:
            section = step["section"]
            lines += ["", _title("Steps" if section == "steps" else clean(section))]
        lines += _step(step)
    return lines


def _around(plan: dict[str, Any]) -> list[str]:
    """What holds for the whole execution: its concurrency group, what it requires."""
    lines = []
    if group := plan.get("concurrency"):
        held = f"; now {clean(group['obstacle'])}" if group.get("obstacle") else ""
        rule = f"limit {group['limit']}, on_conflict {clean(group['on_conflict'])}"
        lines += ["", _title("Concurrency"), f"  {clean(group['group'])} ({rule}){held}"]
    if wanted := plan.get("requires"):
        lines += ["", _title("Requires")]
        lines += [f"  {key}: {clean(', '.join(names))}" for key, names in wanted.items() if names]
    return lines


def _step(step: dict[str, Any]) -> list[str]:
    after = f"  after {clean(', '.join(step['needs']))}" if step["needs"] else ""
    lines = [f"  {step['order']}. {_title(clean(step['path']))}  {clean(step['kind'])}{after}"]
    if step["if"]:
        value = {True: "true", False: "false: it would be skipped", None: "not known yet"}
        lines.append(f"       if {clean(step['if']['text'])}  ({value[step['if']['value']]})")
    limits = [f"timeout {step['timeout_s']:g} s"] if step["timeout_s"] else []
    limits += [f"{step['max_attempts']} attempts"] if step["max_attempts"] > 1 else []
    if limits:
        lines.append(f"       {', '.join(limits)}")
    lines += [f"       {clean(name)}={_text(value)}" for name, value in step["env"].items()]
    for value in step["does"].values():
        lines += [f"     | {clean(row)}" for row in _text(value, whole=True).splitlines()]
    if step["unknown"]:
        lines.append(f"       known only when it runs: {clean(', '.join(step['unknown']))}")
    return lines


def _values(title: str, values: dict[str, Any]) -> list[str]:
    if not values:
        return []
    return ["", _title(title), *(f"  {clean(n)} = {_text(value)}" for n, value in values.items())]


def _text(value: Any, *, whole: bool = False) -> str:
    import json

    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if whole else clean(text)


def _title(text: str) -> str:
    return paint(text, "bold", file=sys.stdout)
