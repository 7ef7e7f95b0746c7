"""The inputs of a start: typed, completed with defaults, checked, all problems at once.

Called by the engine at each start. Light: no YAML, no pydantic; RE2 only where a pattern is
declared. `check_inputs` takes the `inputs` of a compiled flow.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from engine.errors import InputError

from .input_values import problems_of
from .problems import one_line

LIMIT_TEXT_BYTES = 120_000  # an environment variable of Linux holds 128 KiB
_WHOLE = re.compile(r"[-+]?[0-9]{1,20}")
_DECIMAL = re.compile(
    r"[-+]?(?:[0-9]{1,300}(?:\.[0-9]{0,300})?|\.[0-9]{1,300})(?:[eE][-+]?[0-9]{1,3})?")


class _Untyped(ValueError):
    """A text that is no value of the declared type."""


def check_inputs(declared: Sequence[Mapping[str, Any]], given: Mapping[str, Any],
                 given_text: Mapping[str, str]) -> dict[str, Any]:
    """All inputs with their values; raises InputError that lists everything that is wrong.

    `given` holds JSON values, `given_text` what `-i name=value` brought, typed here.
    """
    by_name = {str(one["name"]): one for one in declared}
    problems = [_unknown(name, by_name)
                for name in sorted({*given, *given_text} - by_name.keys())]
    problems += [_problem(name, "is given twice", "once as text, once as a value")
                 for name in sorted(given.keys() & given_text.keys() & by_name.keys())]
    values: dict[str, Any] = {}
    for name, one in by_name.items():
        try:
            if name in given_text:
                values[name] = from_text(given_text[name], str(one["type"]))
            elif name in given:
                values[name] = given[name]
            elif not one["required"]:
                values[name] = one.get("default")
                continue  # checked with the file
            else:
                how = f"-i {name} asks for it" if one["sensitive"] else f"add -i {name}=…"
                problems.append(_problem(name, "is required", how))
                continue
        except _Untyped as error:
            problems.append(_problem(name, *error.args))
            continue
        values[name], found = check_value(one, values[name])
        problems += [_problem(name, what, hint) for what, hint in found]
    if problems:
        raise _input_error(problems)
    return values


def check_value(declared: Mapping[str, Any],
                value: Any) -> tuple[Any, list[tuple[str, str]]]:
    """The value as its declared type, and what is wrong with it as (what, hint)."""
    schema = {**declared.get("schema", {}), "type": declared["type"]}
    if declared["type"] == "integer" and isinstance(value, float) and value.is_integer():
        value = int(value)
    found = problems_of(schema, value, hidden=bool(declared.get("sensitive")))
    if not found:
        found = _not_an_environment_variable(value)
    return value, found


def _not_an_environment_variable(value: Any) -> list[tuple[str, str]]:
    """Every input becomes one, so its text must fit."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if "\0" in text:
        return [("holds a NUL character", "no environment variable can")]
    size_bytes = len(text.encode(errors="surrogatepass"))
    if size_bytes > LIMIT_TEXT_BYTES:
        return [(f"has {size_bytes:,} bytes, more than an environment variable holds",
                 "write it to a file and give the path")]
    try:
        text.encode()
    except UnicodeEncodeError:
        return [("is no valid Unicode text", "")]
    return []


def from_text(text: str, type_: str) -> Any:
    """The value that a text from the command line stands for."""
    if type_ == "string":
        return text
    stripped = text.strip()
    if type_ == "integer" and _WHOLE.fullmatch(stripped):
        return int(stripped)
    if type_ == "number" and _DECIMAL.fullmatch(stripped):
        return int(stripped) if _WHOLE.fullmatch(stripped) else float(stripped)
    if type_ == "boolean" and stripped.lower() in ("true", "false"):
        return stripped.lower() == "true"
    if type_ in ("array", "object"):
        return _json_of(stripped, type_)
    raise _Untyped(*_EXPECTED[type_])


def fitted(declared: Sequence[Mapping[str, Any]], given: Mapping[str, Any]) -> dict[str, Any]:
    """Values from outside as their inputs are declared: a form's or an event's `5` is a number.

    What is no value of the declared type stays as it is, for `check_inputs` to refuse.
    """
    types = {str(one["name"]): str(one["type"]) for one in declared}
    return {name: _fitted(value, types.get(name, "")) for name, value in given.items()}


def _fitted(value: Any, type_: str) -> Any:
    if type_ == "string" and isinstance(value, bool | int | float):
        return json.dumps(value)
    if type_ in _EXPECTED and isinstance(value, str):
        try:
            return from_text(value, type_)
        except _Untyped:
            return value
    return value


_EXPECTED = {
    "integer": ("is no whole number", "such as 7"),
    "number": ("is no number", "such as 7 or 0.5"),
    "boolean": ("is neither true nor false", "write true or false"),
}


def _json_of(text: str, type_: str) -> Any:
    example = '["a", "b"]' if type_ == "array" else '{"a": 1}'
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise _Untyped("is not JSON", f"write {example}, in quotes for the shell") from None
    if not isinstance(value, list if type_ == "array" else dict):
        raise _Untyped(f"is no {'list' if type_ == 'array' else 'map'}", f"write {example}")
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _unknown(name: str, declared: Mapping[str, Any]) -> dict[str, str]:
    close = difflib.get_close_matches(name, declared, n=1, cutoff=0.6)
    if close:
        return _problem(name, "is no input of this flow", f"did you mean `{close[0]}`?")
    listed = ", ".join(list(declared)[:8])
    return _problem(name, "is no input of this flow",
                    f"it has {listed}" if listed else "it has none")


def _problem(name: str, what: str, hint: str = "") -> dict[str, str]:
    return {"input": one_line(name[:60]), "what": one_line(what), "hint": one_line(hint)}


def _input_error(problems: list[dict[str, str]]) -> InputError:
    lines = [f"input `{one['input']}` {one['what']}" + (f" ({one['hint']})" if one["hint"]
             and len(problems) > 1 else "") for one in problems]
    hint = problems[0]["hint"] if len(problems) == 1 else ""
    return InputError("\n".join(lines), hint, problems=problems)
