"""Inputs from the command line: `-i name=value` and `--inputs-file FILE`. Used by run and rerun.

Values typed as text stay text here: the engine reads them by the flow's declarations.
"""

from __future__ import annotations

import os
import sys

from engine.cli.given import given_text
from engine.cli.terminal import is_terminal
from engine.errors import InputError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from engine.cli.parser import Arguments, Parser


def add_inputs(parser: Parser) -> None:
    """Declare the options."""
    parser.option(
        "-i", "--input", metavar="NAME=VALUE", each=True,
        help="an input; NAME alone asks for its value unseen, or reads it from a pipe or file",
    )  # fmt: skip
    parser.option(
        "--inputs-file", metavar="FILE",
        help="inputs as JSON, YAML (by its ending) or NAME=VALUE lines; - reads stdin",
    )  # fmt: skip


def read_inputs(args: Arguments) -> dict[str, Any]:
    """`{"inputs": …, "inputs_text": …}` for the engine, each only where there is something."""
    typed: dict[str, Any] = {}
    texts: dict[str, str] = {}
    if args.inputs_file:
        _read_file(args.inputs_file, typed, texts)
    is_read = args.inputs_file == "-"
    for word in args.input:
        name, given, value = word.partition("=")
        if not name:
            raise InputError(f"-i {word}: the name is missing", "write -i name=value")
        typed.pop(name, None)  # what is typed wins over the file
        if not given and not (sys.stdin and is_terminal(sys.stdin)):
            value, is_read = _piped(name, is_read=is_read), True
        elif not given:
            value = _asked_secretly(name)
        texts[name] = value
    return {k: v for k, v in (("inputs", typed), ("inputs_text", texts)) if v}


def _read_file(path: str, typed: dict[str, Any], texts: dict[str, str]) -> None:
    text = given_text(path, InputError)
    if os.path.splitext(path)[1] in (".yaml", ".yml"):
        typed.update(_mapping(path, _yaml(path, text)))
    elif text.lstrip()[:1] in ("{", "["):
        typed.update(_mapping(path, _json(path, text)))
    else:
        texts.update(_lines(path, text))


def _json(path: str, text: str) -> Any:
    import json

    try:
        return json.loads(text)
    except ValueError as error:
        raise InputError(f"{path} is not JSON: {error}") from error


def _yaml(path: str, text: str) -> Any:
    """By the YAML of flow files: `on` is a text, and nothing can grow or loop."""
    from engine.flowfile.plain import plain_value

    return plain_value(text.encode(), path)


def _mapping(path: str, value: Any) -> dict[str, Any]:
    if isinstance(value, dict) and all(isinstance(name, str) for name in value):
        return value
    raise InputError(f"{path} must hold one object: the inputs by their names")


def _lines(path: str, text: str) -> dict[str, str]:
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, given, value = line.partition("=")
        if not given or not name.strip():
            raise InputError(f"{path}:{number}: not NAME=VALUE, and not JSON")
        found[name.strip()] = value
    return found


def _piped(name: str, *, is_read: bool) -> str:
    """What stands on standard input, without its last line break; nothing is no value."""
    if is_read:
        hint = "several values come in with --inputs-file -, as NAME=VALUE lines"
        raise UsageError(f"-i {name}: standard input was read already", hint)
    text = given_text("-", InputError)
    if not text:
        hint = f"write -i {name}=VALUE, or hand it in: … -i {name} <FILE"
        raise UsageError(f"-i {name}: the value is missing", hint)
    return text.removesuffix("\n").removesuffix("\r")


def _asked_secretly(name: str) -> str:
    from getpass import getpass

    return getpass(f"{name}: ")
