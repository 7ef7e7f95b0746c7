"""What the engine explains about an execution, as lines: why, values, definition, diff.

Called by the screen `details`. Pure: JSON of the API in, lines of parts out; all of it is foreign
text, so every piece is cleaned.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from rich.cells import cell_len

from wingman_tui.format import duration, fit, full_time, wrap
from wingman_tui.log_text import between, plain, rows_of
from wingman_tui.sanitise import clean
from wingman_tui.view import Part

Found = Mapping[str, Any]
Line = list[Part]
Keys = Mapping[str, tuple[str, str]]  # of a verb the key that does it here, and its name
NO_KEY = ("", "")
NO_KEYS: Keys = {}
VALUE_LINES = 12
FOLDS_LIMIT = 40  # lines that one line may become
_YAML = re.compile(r"^(\s*(?:- )*)([A-Za-z_][\w.-]*:)?(.*?)(\s#.*)?$")
SIGN_ROLES = {"+": "good", "-": "error", "@": "accent"}


def title(text: str) -> Line:
    """A heading of a part."""
    return [(text, "focus")]


def why_lines(
    found: Found, width: int, zone: Any = None, keys: Keys = NO_KEYS
) -> list[Line]:
    """The answer, the commands that help, the chain of causes with the last log lines.

    `keys` are those that do here what a command does, and their names, by its verb.
    """
    lines: list[Line] = [[(text, "strong")] for text in wrap(clean(found["answer"]), width)]
    if found["helps"]:
        lines += [[], title("What helps"), *_help_lines(found, width, keys)]
    if found["causes"]:
        lines += [[], title("How it came to this")]
    for cause in found["causes"]:
        indent = "  " * (int(cause["depth"]) + 1)
        subject = clean(cause["subject"])
        room = max(20, width - len(indent) - cell_len(subject) - 2)
        head, *rest = wrap(clean(cause["what"]), room)
        lines.append([(indent, "text"), (subject, "accent"), ("  ", "text"), (head, "text")])
        lines += [[(f"{indent}    {text}", "text")] for text in rest]
        if cause.get("since"):
            lines.append([(f"{indent}    since {full_time(cause['since'], zone)}", "muted")])
        for text in cause["lines"]:
            said: Line = [(f"{indent}| ", "muted"), (clean(text), "log_step")]
            lines += folded(said, width, len(indent) + 4)
    return lines


def _help_lines(found: Found, width: int, keys: Keys) -> list[Line]:
    """What helps: the key that does it here and its name, what it does, and the command.

    A command is left out where there is no room for it and a key that does it; it is never cut:
    it is there to be copied.
    """
    own = str(found.get("subject") or "").partition(" ")[0]
    helps = [(clean(each["command"]), clean(each["what"])) for each in found["helps"]]
    words = [command.split() for command, _ in helps]
    named = [keys.get(each[1], NO_KEY) if own in each else NO_KEY for each in words]
    cells = [max(map(cell_len, column)) for column in zip(*named, strict=True)]
    indent = 2 + sum(cell + 2 for cell in cells if cell)
    longest = max(cell_len(what) for _, what in helps)
    in_columns = all(indent + longest + cell_len(command) + 2 <= width for command, _ in helps)
    lines: list[Line] = []
    for (command, what), (key, label) in zip(helps, named, strict=True):
        head, *rest = wrap(what, max(20, width - indent))
        lead: Line = [("  ", "text"), (f"{key:<{cells[0]}}  " if cells[0] else "", "key")]
        lead.append((f"{label:<{cells[1]}}  " if cells[1] else "", "strong"))
        lines.append([*lead, (head, "text")])
        lines += [[(" " * indent + text, "text")] for text in rest]
        if in_columns:
            lines[-1] += [(" " * (longest - cell_len(what) + 2), "text"), (command, "code")]
        elif not key:
            lines.append([(" " * min(indent, 6), "text"), (command, "code")])
    return lines


def values_lines(execution: Found, width: int) -> list[Line]:
    """Inputs and outputs of the execution, and the outputs of each step, in full."""
    lines: list[Line] = []
    parts = [("Inputs", execution.get("inputs")), ("Outputs", execution.get("outputs"))]
    if execution.get("environment"):
        parts.insert(1, ("Environment of the server", execution["environment"]))
    parts += [
        (f"Outputs of {clean(step['path'])}", step["outputs"])
        for step in execution.get("steps", ())
        if step.get("outputs")
    ]
    for name, values in parts:
        lines += [*([[]] if lines else []), title(name)]
        lines += value_lines(values or {}, width) or [[("  none", "muted")]]
    return lines


def value_lines(values: Found, width: int) -> list[Line]:
    lines: list[Line] = []
    for name, value in values.items():
        text = value if isinstance(value, str) else _json_of(value, width - cell_len(name) - 5)
        rows = [
            piece
            for raw in text.split("\n")[:VALUE_LINES]
            for piece in wrap(clean(raw), max(10, width - 6), VALUE_LINES)
        ]
        first = rows[0] if rows else ""
        lines.append(
            [("  ", "text"), (clean(str(name)), "accent"), (" = ", "muted"), (first, "text")]
        )
        lines += [[("      " + row, "text")] for row in rows[1:]]
        if text.count("\n") >= VALUE_LINES:
            lines.append([("      …", "muted")])
    return lines


def _json_of(value: Any, room: int) -> str:
    """In a line where it fits, or holds nothing that has parts itself; else a line a part."""
    short = json.dumps(value, ensure_ascii=False)
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if cell_len(short) <= room or not any(isinstance(part, dict | list) for part in inner):
        return short
    return json.dumps(value, ensure_ascii=False, indent=2)


def folded(parts: Line, width: int, indent: int) -> list[Line]:
    """A line in as many as it needs, those after the first moved in."""
    text = plain(parts)
    if cell_len(text) <= width:
        return [parts]
    first, *_ = rows_of(text, width, 2)
    rest = " " * indent
    rows = rows_of(text[first[1] :].lstrip(" "), max(10, width - indent), FOLDS_LIMIT)
    start = len(text) - len(text[first[1] :].lstrip(" "))
    return [
        between(parts, *first),
        *([(rest, "text"), *between(parts, start + a, start + b)] for a, b in rows),
    ]


def definition_lines(text: str, width: int, first: int = 1) -> list[Line]:
    """A flow file with its keys and comments told apart; the line's number before each."""
    rows = text.rstrip("\n").split("\n")
    room = len(str(len(rows) + first - 1))
    return [
        line
        for number, row in enumerate(rows, first)
        for line in folded(
            [(f"{number:>{room}}  ", "muted"), *_yaml(row)], width, room + _margin_of(row) + 6
        )
    ]


def _margin_of(row: str) -> int:
    """How far a line of a file is moved in, as far as that leaves room for it."""
    return min(20, len(row) - len(row.lstrip(" ")))


def _yaml(row: str) -> Line:
    found = _YAML.match(clean(row))
    if found is None or row.lstrip().startswith("#"):
        return [(clean(row), "muted")]
    lead, key, value, comment = (part or "" for part in found.groups())
    parts = ((lead, "text"), (key, "accent"), (value, "text"), (comment, "muted"))
    return [(text, role) for text, role in parts if text]


def diff_lines(found: Found, width: int) -> list[Line]:
    """What is different, part by part."""
    states, took = found["state"], [duration(ms) or "-" for ms in found["duration_ms"]]
    before, after = (
        f"{clean(found[which])} {clean(states[at])} {took[at]}"
        for at, which in enumerate(("from", "to"))
    )
    head = f"{before} -> {after}"
    lines: list[Line] = [[(head, "strong")]]
    if found["definition"]:
        lines += [[], title("Definition"), *(_signed(clean(row)) for row in found["definition"])]
    environment = ("Environment", found.get("environment", []))
    for name, changed in (
        ("Inputs", found["inputs"]), environment, ("Outputs", found["outputs"])
    ):  # fmt: skip
        if changed:
            lines += [[], title(name), *(_change(entry, width) for entry in changed)]
    if found["steps"]:
        lines += [[], title("Steps")]
    for step in found["steps"]:
        lines += _step_difference(step, width)
    if len(lines) == 1:
        lines.append([("nothing else is different", "muted")])
    return lines


def _signed(row: str) -> Line:
    return [("  " + row, SIGN_ROLES.get(row[:1], "text"))]


def _change(entry: Found, width: int, indent: str = "  ") -> Line:
    before, after = (
        fit(clean(json.dumps(entry[key], ensure_ascii=False)), max(8, width // 3)).rstrip()
        if key in entry
        else "(absent)"
        for key in ("from", "to")
    )
    return [
        (indent, "text"), (clean(entry["name"]), "accent"), (": ", "muted"), (before, "error"),
        (" -> ", "muted"), (after, "good"),
    ]  # fmt: skip


def _step_difference(step: Found, width: int) -> list[Line]:
    name: Line = [("  ", "text"), (clean(step["path"]), "accent")]
    if "only_in" in step:
        newer = "newer" if step["only_in"] == "to" else "older"
        return [[*name, (f"  only in the {newer} one", "text")]]
    facts = []
    for key in ("state", "exit_code", "attempts", "duration_ms"):
        if key in step:
            before, after = (_fact(key, value) for value in step[key])
            facts.append(f"{key.removesuffix('_ms').replace('_', ' ')} {before} -> {after}")
    lines: list[Line] = [[*name, ("  " + ", ".join(facts), "text")]]
    _, error = step.get("error") or (None, None)
    if error:
        lines.append([(f"    {clean(error['message'])} ({clean(error['type'])})", "error")])
    lines += [_change(entry, width, "    ") for entry in step.get("outputs", ())]
    log = step.get("log")
    if log:
        lines.append([(f"    log, line {log['line']}:", "muted")])
        for sign, text in (("-", log["from"]), ("+", log["to"])):
            lines.append(
                _signed(f"  {sign} {clean(text) if text is not None else '(no more lines)'}")
            )
            lines[-1] = [(lines[-1][0][0], SIGN_ROLES[sign])]
    return lines


def _fact(key: str, value: Any) -> str:
    if key == "duration_ms":
        return duration(value) or "-"
    return "-" if value is None else clean(str(value))
