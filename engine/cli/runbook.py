"""`wingman runbook REF [--edit]`: what the flow's author says to do when it fails."""

from __future__ import annotations

import os
import sys

from engine.cli.terminal import clean, clean_lines, print_json, tell
from engine.client.http import segment
from engine.client.launch import ensure_engine
from engine.errors import UsageError
from engine.paths import find_home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from engine.cli.parser import Arguments, Parser


def arguments(parser: Parser, name: str) -> None:
    """Declare the arguments."""
    parser.argument("execution", metavar="REF", help="as flow#12, flow@last, @last")
    parser.flag("--edit", help="open it in $EDITOR and save it")
    parser.json_flag()


def execute(args: Arguments, name: str) -> int:
    """Print it, or have it edited."""
    client = ensure_engine(find_home())
    path = f"/v1/executions/{segment(args.execution)}/runbook"
    found = client.request("GET", path)
    if args.edit:
        text = _edited(found["text"], os.path.basename(found["path"] or "runbook.md"))
        if text == found["text"]:
            tell("nothing was changed")
            return 0
        saved = client.change("PUT", path, {"text": text, "version": found["version"]})
        tell(f"saved {clean(saved['path'])}")
    elif args.json:
        print_json(found)
    else:
        text = found["text"]
        sys.stdout.write(clean_lines(text) if sys.stdout.isatty() else text)
        if text and not text.endswith("\n"):
            print()
    return 0


def _edited(text: str, name: str) -> str:
    """The text as $EDITOR leaves it."""
    import shlex
    import subprocess
    import tempfile

    words = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
    with tempfile.TemporaryDirectory(prefix="wingman-") as folder:
        path = os.path.join(folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        try:
            code = subprocess.call([*words, path])
        except OSError as error:
            problem = f"{words[0]} cannot be started: {error.strerror}"
            raise UsageError(problem, "set $EDITOR") from None
        if code:
            raise UsageError(f"{words[0]} ended with {code}: nothing was saved")
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
