"""`wingman run FLOW|FILE`: start it, follow its log, end as it ends."""

from __future__ import annotations

import os

from engine.cli.follow import Detached, Follower, tell_detached
from engine.cli.inputs import add_inputs, read_inputs
from engine.cli.report import json_line, json_started, name_of, tell_ended, tell_started
from engine.cli.states import exit_code
from engine.client.launch import ensure_engine
from engine.errors import UsageError
from engine.paths import find_home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from engine.cli.parser import Arguments, Parser
    from engine.client.http import Client
    from engine.paths import Home

FILE_LIMIT_BYTES = 16 * 1024 * 1024  # more is no flow file; the engine's own limit is lower


def arguments(parser: Parser, name: str) -> None:
    """Declare the arguments."""
    parser.argument(
        "flow", metavar="FLOW|FILE", help="a flow's name; a file has a / or ends in .yaml"
    )
    add_inputs(parser)
    parser.flag("--debug", help="debug mode, for this execution")
    parser.flag("--dry-run", help="say what it would do, and start nothing; 1 if it would fail")
    add_following(parser)
    parser.option(
        "--idempotency-key", metavar="KEY", help="the same key again is the same execution"
    )


def add_following(parser: Parser) -> None:
    """The options of every command that starts something and follows it."""
    parser.flag("-d", "--detach", help="start it and return at once")
    parser.flag("--engine", help="print the engine's own lines, too")
    parser.flag("--json", help="print the result as one line of JSON")


def execute(args: Arguments, name: str) -> int:
    """Start, and follow unless told not to."""
    request: dict[str, Any] = {**_what(args.flow), **read_inputs(args)}
    if args.debug:
        request["debug"] = True
    if args.dry_run:
        from engine.cli.dry_run import show_plan

        return show_plan(request, as_json=args.json)
    home = find_home()
    client = ensure_engine(home)
    started = client.change("POST", "/v1/executions", request, args.idempotency_key or "")
    return follow_started(home, client, started, args)


def follow_started(
    home: Home, client: Client, started: dict[str, Any], args: Arguments, verb: str = "started",
    after: str | None = None,
) -> int:  # fmt: skip
    """Follow what was just started, as the command's options say; the exit code.

    Of its log, what comes after a cursor.
    """
    if args.detach:
        if args.json:
            print(json_started(started))
        else:
            print(name_of(started))
            tell_started(started, verb)
        return 0
    if not args.json:
        tell_started(started, verb)
    follower = Follower(home, client, started)
    try:
        options = {"engine": args.engine, **({"after": after} if after else {})}
        result = follower.result(options, quiet=args.json)
    except Detached as detached:
        tell_detached(follower.name)
        return detached.exit_code
    if args.json:
        print(json_line(result))
    else:
        tell_ended(result)
    return exit_code(result["state"])


def is_file(word: str) -> bool:
    """Whether the word names a file, not a flow."""
    return "/" in word or word.endswith((".yaml", ".yml"))


def _what(word: str) -> dict[str, Any]:
    """The flow by name, or the file's text with its absolute path."""
    if not is_file(word):
        return {"flow": word}
    source, text = read_flow_file(word)
    if os.environ.get("WINGMAN_SERVER"):
        source = f"<{os.path.basename(word)}>"  # its path is none of the server's
    return {"source": source, "text": text}


def read_flow_file(word: str) -> tuple[str, str]:
    """The absolute path of a flow file, and its text. Raises UsageError."""
    try:
        with open(word, "rb") as file:
            data = file.read(FILE_LIMIT_BYTES + 1)
    except OSError as error:
        hint = "a flow of the flow folders is named without / and .yaml: wingman flows"
        raise UsageError(f"cannot read {word}: {error.strerror}", hint) from error
    if len(data) > FILE_LIMIT_BYTES:
        raise UsageError(f"{word} is too large for a flow file")
    try:
        source, text = os.path.abspath(word), data.decode()
        source.encode()
    except UnicodeDecodeError as error:
        raise UsageError(f"{word} is not UTF-8 text ({error.reason})") from error
    except UnicodeEncodeError:
        hint = "rename the file or its folder: executions keep the path as text"
        raise UsageError(f"the path {os.path.abspath(word)!r} is no UTF-8 text", hint) from None
    return source, text
