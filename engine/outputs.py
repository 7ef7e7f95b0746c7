"""What a step hands on: the grammar of `$WINGMAN_OUTPUT` and of `outputs: json`.

Called by the runner at an attempt's end (before masking) and by `wingman validate`'s documentation;
standard library only. An output that does not parse fails the step, with the line and the cause.
"""

from __future__ import annotations

import json
import re
from typing import Any

from engine.errors import WingmanError

LIMIT_BYTES = 1 << 20
DEPTH = 64
SHOWN_CHARACTERS = 200
INT_MIN, INT_MAX = -(2**63), 2**63 - 1

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_RESERVED = frozenset({"true", "false", "null", "in"})
_ASSIGN = re.compile(r"([^=<:]*)(:=|<<|=)(.*)", re.DOTALL)
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,18}")


class OutputError(WingmanError):
    """A step's output does not follow the grammar; the message names line and cause."""

    code = "output"


def parse_outputs(data: bytes) -> dict[str, Any]:
    """The outputs in a `$WINGMAN_OUTPUT` file: lines, or one JSON object."""
    text = _decode(data, "$WINGMAN_OUTPUT")
    if text.lstrip().startswith("{"):
        value = _load_json(text, "$WINGMAN_OUTPUT")
        return named(value, "$WINGMAN_OUTPUT")
    return _parse_lines(text.split("\n"))


def parse_json_output(data: bytes) -> dict[str, Any]:
    """The outputs of a step whose stdout is JSON: an object's keys, else {"result": value}."""
    text = _decode(data, "stdout")
    if not text.strip():
        raise OutputError("stdout is empty where JSON was expected", "print one JSON value")
    value = _load_json(text, "stdout")
    return named(value, "stdout") if isinstance(value, dict) else {"result": value}


def typed(text: str) -> Any:
    """The value of `name=text`: true, false and plain whole numbers typed, all else text."""
    if text == "true":
        return True
    if text == "false":
        return False
    if _WHOLE.fullmatch(text) and INT_MIN <= int(text) <= INT_MAX:
        return int(text)
    return text


def _parse_lines(lines: list[str]) -> dict[str, Any]:
    outputs: dict[str, Any] = {}
    at = 0
    while at < len(lines):
        line, number = lines[at], at + 1
        at += 1
        if not line.strip():
            continue
        name, operator, rest = _split(line, number)
        if operator == "=":
            outputs[name] = typed(rest)
        elif operator == ":=":
            outputs[name] = _load_json(rest, f"$WINGMAN_OUTPUT line {number}")
        else:
            outputs[name], at = _heredoc(lines, at, rest, number)
    return outputs


def _split(line: str, number: int) -> tuple[str, str, str]:
    found = _ASSIGN.fullmatch(line)
    if found is None:
        raise OutputError(
            f"$WINGMAN_OUTPUT line {number}: no name=value: {_shown(line)}",
            "write name=value, name:=JSON, or name<<EOF, the lines, EOF",
        )
    name, operator, rest = found.groups()
    _check_name(name, f"$WINGMAN_OUTPUT line {number}")
    return name, operator, rest


def _heredoc(lines: list[str], at: int, mark: str, number: int) -> tuple[str, int]:
    if not mark:
        raise OutputError(
            f"$WINGMAN_OUTPUT line {number}: << needs a word that ends the text", "as in name<<EOF"
        )
    for end in range(at, len(lines)):
        if lines[end].removesuffix("\r") == mark.removesuffix("\r"):
            return "\n".join(lines[at:end]), end + 1
    raise OutputError(
        f"$WINGMAN_OUTPUT line {number}: the text is not ended by a line {_shown(mark)}",
        "the closing word stands alone on its line, without spaces",
    )


def _check_name(name: str, where: str) -> None:
    if _NAME.fullmatch(name) and name not in _RESERVED:
        return
    hint = "a letter or _, then up to 62 letters, digits or _"
    if name in _RESERVED:
        hint = "true, false, null and in are words of expressions"
    elif name != name.strip():
        hint = "no spaces around the name"
    raise OutputError(f"{where}: {_shown(name)} is not a name of an output", hint)


def named(value: Any, where: str) -> dict[str, Any]:
    """The outputs of one JSON object, whose keys are names that an expression can say."""
    if not isinstance(value, dict):
        raise OutputError(f"{where}: one JSON object was expected")
    for name in value:
        _check_name(name, where)
    return value


def _decode(data: bytes, where: str) -> str:
    if len(data) > LIMIT_BYTES:
        raise OutputError(
            f"{where} holds {len(data):,} bytes, {LIMIT_BYTES:,} is the limit",
            "write large results to a file and hand on its path",
        )
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise OutputError(
            f"{where} line {line}: not UTF-8 (byte 0x{data[error.start]:02x})",
            "encode binary values, for example with base64",
        ) from None


def _load_json(text: str, where: str) -> Any:
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        at = f" line {error.lineno}" if "\n" in text.strip() else ""
        raise OutputError(f"{where}{at} column {error.colno}: not JSON: {error.msg}") from None
    except RecursionError:
        raise OutputError(f"{where}: nested more than {DEPTH} levels deep") from None
    except ValueError as error:
        raise OutputError(f"{where}: not JSON: {error}") from None
    check_value(value, where)
    return value


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def check_value(value: Any, where: str) -> None:
    """Refuse what could not be stored and pasted back: too deep, too large, half a character."""
    level = [value]
    for _ in range(DEPTH):
        deeper: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                deeper += item.keys()
                deeper += item.values()
            elif isinstance(item, list):
                deeper += item
            else:
                _check_scalar(item, where)
        if not deeper:
            return
        level = deeper
    raise OutputError(f"{where}: nested more than {DEPTH} levels deep")


def _check_scalar(item: Any, where: str) -> None:
    if isinstance(item, bool):
        return
    if isinstance(item, int) and not INT_MIN <= item <= INT_MAX:
        raise OutputError(f"{where}: {_shown(str(item))} does not fit 64 bits", "write it as text")
    if isinstance(item, float) and item in (float("inf"), float("-inf")):
        raise OutputError(f"{where}: a number is too large", "write it as text")
    if isinstance(item, str) and not item.isascii():
        try:
            item.encode("utf-8")
        except UnicodeEncodeError:
            raise OutputError(f"{where}: {_shown(item)} holds half a surrogate pair") from None


def _shown(text: str) -> str:
    # Never a part of a text: the masker that reads the message would not know half a secret.
    return repr(text) if len(text) <= SHOWN_CHARACTERS else f"(text of {len(text):,} characters)"
