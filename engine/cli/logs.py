"""`wingman logs REF`: an execution's log, as the steps printed it (masked)."""

from __future__ import annotations

import os
import sys

from engine.cli.follow import Detached, Follower, tell_detached
from engine.cli.logtext import LogText
from engine.cli.terminal import is_terminal, tell
from engine.client.http import segment, with_query
from engine.client.launch import ensure_engine
from engine.errors import UsageError
from engine.paths import find_home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from engine.cli.parser import Arguments, Parser
    from engine.client.http import Client


def arguments(parser: Parser, name: str) -> None:
    """Declare the arguments."""
    parser.argument("execution", metavar="REF", help="as flow#12, flow@last, @last")
    parser.flag("-f", "--follow", help="go on until it has ended")
    parser.option("--step", metavar="S", help="only this step's")
    parser.option(
        "--level", metavar="L", choices=("debug", "info", "warning", "error"),
        help="only lines of this level and above: debug, info, warning, error",
    )  # fmt: skip
    parser.option("--grep", metavar="RE", help="only lines that match")
    parser.option("--stream", choices=("stdout", "stderr"), help="only what went there")
    parser.flag("--engine", help="the engine's own lines, too")
    parser.json_flag()
    parser.option("-o", "--output", metavar="FILE", help="write the log to a file")


def execute(args: Arguments, name: str) -> int:
    """Print, follow or save it."""
    home = find_home()
    client = ensure_engine(home)
    path = f"/v1/executions/{segment(args.execution)}"
    options: dict[str, object] = {
        "step": args.step, "level": args.level, "grep": args.grep, "stream": args.stream,
        "engine": args.engine, "json": args.json,
    }  # fmt: skip
    if args.output and args.follow:
        raise UsageError("-f and -o do not go together", "follow into a file: logs -f REF > FILE")
    if args.output:
        return _save(client, with_query(f"{path}/logs", **options), args.output)
    if not args.follow:
        return _print(client, path, options)
    follower = Follower(home, client, client.request("GET", path), asks=False)
    try:
        follower.follow(options)
    except Detached as detached:
        tell_detached(follower.name)
        return detached.exit_code
    return 0


def _print(client: Client, path: str, options: dict[str, Any]) -> int:
    if not (options["step"] or options["json"]) and is_terminal(sys.stdout):
        options["prefix"] = len(client.request("GET", path).get("steps", [])) > 1
    log = LogText()
    for data in client.stream("GET", with_query(f"{path}/logs", **options)):
        log.write(data)
    log.end()
    return 0


def _save(client: Client, path: str, output: str) -> int:
    """Write the log to a file of its final name only when all of it is there."""
    chunks = client.stream("GET", path)
    part = f"{output}.part"
    size = 0
    try:
        with open(part, "wb") as file:
            for data in chunks:
                size += file.write(data)
        os.replace(part, output)
    except OSError as error:
        raise UsageError(f"cannot write {output}: {error.strerror}") from error
    tell(f"{size} bytes to {output}")
    return 0
