"""`wingman validate FILE…`: all problems of flow files, as `file:line:column: what (hint)`."""

from __future__ import annotations

import sys

from engine.cli.terminal import clean_lines, print_json, tell
from engine.errors import FlowFileError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from engine.cli.parser import Arguments, Parser


def arguments(parser: Parser, name: str) -> None:
    """Declare the arguments."""
    parser.argument("files", takes="+", metavar="FILE", help="flow files; - reads stdin")
    parser.json_flag()


def execute(args: Arguments, name: str) -> int:
    """Check each file, without an engine; 2 if any has problems."""
    bad = 0
    for path in args.files:
        found, text = _problems(path)
        bad += bool(found)
        if args.json:
            print_json({"file": path, "problems": found})
        elif found:
            print(clean_lines(text))
        else:
            tell(f"{clean_lines(path)}: no problems")
    return 2 if bad else 0


def _problems(path: str) -> tuple[list[Any], str]:
    """The problems as `wire.Problem`, and as lines of text."""
    from engine.flowfile import compile_flow

    try:
        data = _read(path)
    except OSError as error:
        what = f"cannot be read: {error.strerror}"
        return [{"line": 0, "column": 0, "what": what, "hint": ""}], f"{path}: {what}"
    try:
        _check_here(data, path, compile_flow(data, path))
    except FlowFileError as error:
        return error.details.get("problems") or [str(error)], error.message
    return [], ""


def _check_here(data: bytes, path: str, compiled: dict[str, Any]) -> None:
    """Against this home's configuration, where the flow wants something of it."""
    from engine.model import SECTIONS

    has_pools = any(step["pools"] for section in SECTIONS for step in compiled[section])
    if not (has_pools or compiled["environment"]):
        return
    from engine.config import read_config
    from engine.environment import missing_values
    from engine.flowfile.here import check_here
    from engine.paths import find_home

    config_file = find_home().config_file
    config = read_config(config_file)
    misses = missing_values(compiled["environment"], config.environment.names())
    check_here(data, path, config.pools, str(config_file), misses)


def _read(path: str) -> bytes:
    if path == "-":
        return sys.stdin.buffer.read()
    with open(path, "rb") as file:
        return file.read()
