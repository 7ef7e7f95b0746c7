"""`wingman validate FILE…`: all problems of flow files, as `file:line:column: what (hint)`."""

from __future__ import annotations

from engine.cli.terminal import clean_lines, tell
from engine.errors import FlowFileError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from engine.cli.parser import Arguments, Parser


def arguments(parser: Parser, name: str) -> None:
    """Declare the arguments."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="flow files; - reads stdin")
    parser.add_json()


def execute(args: Arguments, name: str) -> int:
    """Check each file, without an engine; 2 if any has problems."""
    bad = 0
    for path in args.files:
        problems = _problems(path)
        bad += bool(problems)
        if args.json:
            import json

            print(json.dumps({"file": path, "problems": problems}))
            continue
        for line in problems:
            print(clean_lines(line))
        if not problems:
            tell(f"{clean_lines(path)}: no problems")
    return 2 if bad else 0


def _problems(path: str) -> list[str]:
    """The problems as text lines."""
    import os
    import sys

    from engine.flowfile import compile_flow

    try:
        if path == "-":
            data, source = sys.stdin.buffer.read(), "stdin"
        else:
            with open(path, "rb") as file:
                data, source = file.read(), os.path.abspath(path)
    except OSError as error:
        return [f"{path}: cannot be read: {error.strerror}"]
    try:
        compile_flow(data, source)
    except FlowFileError as error:
        return [str(line) for line in error.details.get("problems", [])] or [str(error)]
    return []
