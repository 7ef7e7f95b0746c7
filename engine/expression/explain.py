"""Turns what went wrong with an expression into sentences that a person can act on.

Called by `evaluate`, by the flow file's checks (`check`) and for a failing `expect` (`values_of`).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from engine.errors import ExpressionError

from .scan import Problem, Scan, path_text, plain_path, scan
from .values import MISSING, is_masked, look_up, nodes_of, shown, type_word

_POSITION = re.compile(r"<input>:(\d+):(\d+): (.*)")
_SHORT_TEXT = 4  # a masked value shorter than this is not searched for in messages


def nearest(word: str, candidates: Iterable[str]) -> str:
    """The candidate that is most like a word, or nothing."""
    close = difflib.get_close_matches(word, list(candidates)[:500], n=1, cutoff=0.6)
    return close[0] if close else ""


def check(expression: str) -> Problem | None:
    """What is wrong with an expression's text, as far as it can be known without values."""
    from .evaluate import compiled
    from .functions import known

    scanned = scan(expression)
    if scanned.problem is not None or scanned.path is not None:
        return scanned.problem
    names = known() if scanned.calls else set()
    for call in scanned.calls:
        if call.name not in names:
            near = nearest(call.name, names)
            return Problem(call.start, f"there is no function `{call.name}`",
                           f"did you mean `{near}`?" if near else "")
    try:
        compiled(scanned)
    except ExpressionError as error:
        return Problem(int(error.details.get("offset", 0)), error.message, error.hint)
    return None


def syntax_error(scanned: Scan, error: ExpressionError | None = None) -> ExpressionError:
    """The error of a text that is no expression, or may not go to CEL."""
    problem = scanned.problem or Problem(0, "not an expression")
    what, hint, offset = problem.what, problem.hint, problem.offset
    if error is not None:
        what, hint, offset = error.message, error.hint, error.details.get("offset", 0)
    return ExpressionError(f"{what} in `{_one_line(scanned.text)}`", hint, offset=offset)


def missing(scanned: Scan, names: Mapping[str, Any]) -> ExpressionError:
    """The error of a plain path that leads nowhere."""
    path = scanned.path or ()
    for length in range(1, len(path) + 1):
        if look_up(path[:length], names) is MISSING:
            break
    owner = look_up(path[: length - 1], names)
    key = path[length - 1]
    return ExpressionError(f"`{path_text(path)}` has no value: "
                           f"{_absent(path[: length - 1], key, owner)}", _there(key, owner))


def _absent(owner_path: tuple[str | int, ...], key: str | int, owner: Any) -> str:
    if not owner_path:
        return f"there is no `{key}` here"
    where = path_text(owner_path)
    if isinstance(owner, list):
        return f"`{where}` has {len(owner):,} elements"
    if isinstance(owner, Mapping):
        return f"`{where}` has no `{key}`"
    return f"`{where}` is {type_word(owner)}"


def _there(key: str | int, owner: Any) -> str:
    """A hint that names what is there instead."""
    if not isinstance(owner, Mapping):
        return ""
    names = [str(name) for name in owner if not str(name).startswith("@")]
    near = nearest(str(key), names)
    if near:
        return f"did you mean `{near}`?"
    return f"there is {', '.join(sorted(names)[:8])}" if names else "it is empty"


def failed(scanned: Scan, names: Mapping[str, Any], masked: Collection[str],
           cause: str, hint: str) -> ExpressionError:
    """The error of an evaluation: the cause, and each reference with its value and type."""
    values = values_of(scanned.text, names, masked=masked)
    secrets = _masked_texts(names, masked)
    cause, hint = (_scrub(text, secrets) for text in (cause, hint))
    with_values = f"; {', '.join(values)}" if values else ""
    return ExpressionError(f"`{_one_line(scanned.text)}` failed: {cause}{with_values}", hint)


def values_of(expression: str, names: Mapping[str, Any], *,
              masked: Collection[str] = ()) -> list[str]:
    """Each reference with its value and type: `steps.a.outputs.size = 12 (integer)`."""
    lines: dict[str, None] = {}
    for reference in scan(expression).references:
        value = look_up(reference.path, names)
        if value is MISSING:
            lines[f"{reference.text} is missing{_obstacle(reference.path, names, masked)}"] = None
        else:
            text = "***" if is_masked(reference.path, masked) else shown(value)
            lines[f"{reference.text} = {text} ({type_word(value)})"] = None
    return list(lines)


def _obstacle(path: tuple[str | int, ...], names: Mapping[str, Any],
              masked: Collection[str]) -> str:
    """Where a path ends too early, because what it meets is no object: that, with its value."""
    for length in range(1, len(path)):
        value = look_up(path[:length], names)
        if value is not MISSING and not isinstance(value, Mapping | list):
            text = "***" if is_masked(path[:length], masked) else shown(value)
            return f", for {path_text(path[:length])} = {text} ({type_word(value)})"
    return ""


def _masked_texts(names: Mapping[str, Any], masked: Collection[str]) -> set[str]:
    """The texts inside masked values, which no message may repeat."""
    found: set[str] = set()
    for path in filter(None, map(plain_path, masked)):
        for node, _ in nodes_of(look_up(path, names)):
            if isinstance(node, str | int | float) and len(str(node)) >= _SHORT_TEXT:
                found.add(str(node))
    return found


def _scrub(text: str, secrets: Collection[str]) -> str:
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def _one_line(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 120 else text[:117] + "…"


def from_cel(error: BaseException) -> ExpressionError:
    """One of the library's errors in our words."""
    text = str(error)
    position = _POSITION.search(text)
    if position:
        return _parse_error(text, position)
    if isinstance(error, KeyError):
        return ExpressionError(f"there is no `{error.args[0] if error.args else ''}`",
                               "ask has(…) first where it may be missing")
    if isinstance(error, TypeError):
        return ExpressionError(_overload(text), "whole numbers, decimals and texts do not mix: "
                               "convert with int(), double() or string()")
    if isinstance(error, ZeroDivisionError):
        return ExpressionError("a division by zero", "test the divisor first")
    if isinstance(error, OverflowError):
        return ExpressionError("a whole number leaves 64 bits", "")
    undefined = re.search(r"Undefined variable or function: '([^']*)'", text)
    if undefined:
        return ExpressionError(f"there is no `{undefined.group(1)}`", "")
    function = re.match(r"Function '([^']*)' error: (.*?)\.? ?(?:Check function arguments.*)?$",
                        text, re.DOTALL)
    if function:
        name = function.group(1).rstrip("_")
        return ExpressionError(f"{name}(): {_function_cause(function.group(2))}", "")
    return ExpressionError(_one_line(text) or type(error).__name__, "")


def _overload(text: str) -> str:
    operands = re.match(r"Unsupported operation: (\w+ \S+ \w+)", text)
    return (f"`{operands.group(1)}` is not defined" if operands
            else "an operator or function does not take these types")


def _function_cause(cause: str) -> str:
    cause = re.sub(r"^Python function call failed: (?:\w+(?:Error|Large): )?", "", cause)
    return _one_line(cause)


def _parse_error(text: str, position: re.Match[str]) -> ExpressionError:
    """The first of the parser's complaints that names a place, and its offset."""
    source = text.split("Failed to parse expression '", 1)[-1].split("': ERROR:", 1)[0]
    found = [_POSITION.search(part) for part in text.split("ERROR: ")[1:]]
    complaints = [match for match in found if match]
    best = next((match for match in complaints if "Syntax error" in match.group(3)), position)
    line, column, complaint = int(best.group(1)), int(best.group(2)), best.group(3)
    offset = sum(len(part) + 1 for part in source.split("\n")[: line - 1]) + column - 1
    token = re.search(r"input '(.*?)'(?: expecting|$)", complaint)
    if token and token.group(1).endswith("<EOF>"):
        what = "the expression ends too early"
    elif token:
        what = f"unexpected `{_one_line(token.group(1))}`"
    else:
        what = _one_line(complaint.removeprefix("Syntax error: "))
    return ExpressionError(what, "", offset=min(max(offset, 0), len(source)))
