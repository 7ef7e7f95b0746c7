"""`wingman cancel|kill|pause|continue REF…`."""

from __future__ import annotations

from engine.cli.report import json_started, name_of
from engine.cli.terminal import clean, tell
from engine.client.http import quote, segment, with_query
from engine.client.launch import ensure_engine
from engine.errors import WingmanError
from engine.paths import find_home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from engine.cli.parser import Arguments, Parser
    from engine.client.http import Client

DONE = {"cancel": "cancelling", "kill": "killing", "pause": "paused", "continue": "continued"}


def arguments(parser: Parser, name: str) -> None:
    """Declare the arguments."""
    parser.argument("executions", takes="+", metavar="REF", help="as flow#12, flow@last, @last")
    parser.option("--reason", metavar="TEXT", help="why, for the audit")
    if name in ("cancel", "kill"):
        parser.flag("--wait", help="return when they have ended")
    parser.json_flag()


def execute(args: Arguments, name: str) -> int:
    """Ask for each; what cannot be done is told, and the others are done all the same."""
    client = ensure_engine(find_home())
    code = 0
    for reference in args.executions:
        try:
            answer = _ask(client, reference, name, args)
        except WingmanError as error:
            if len(args.executions) == 1:
                raise
            tell(f"wingman: {clean(reference)}: {clean(error)}")
            code = code or error.exit_code
            continue
        print(json_started(answer) if args.json else f"{DONE[name]} {name_of(answer)}")
    return code


def settled(client: Client, reference: str) -> str:
    """A reference that goes on meaning the same, for a request that may be asked twice."""
    if "@" not in reference:
        return reference
    return str(client.request("GET", f"/v1/executions/{segment(reference)}")["id"])


def _ask(client: Client, reference: str, name: str, args: Arguments) -> dict[str, Any]:
    body = {"reason": args.reason} if args.reason else {}
    path = f"/v1/executions/{segment(settled(client, reference))}/{name}"
    answer = client.change("POST", path, body)
    if getattr(args, "wait", False):
        path = with_query(f"/v1/executions/{quote(answer['id'])}", wait=True)
        answer = client.request("GET", path, timeout_s=None)
    return answer
