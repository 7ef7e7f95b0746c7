"""`wingman retry REF` and `wingman rerun REF`: run it again, and follow."""

from __future__ import annotations

from engine.cli.run import add_following, follow_started
from engine.cli.verbs import settled
from engine.client.http import segment
from engine.client.launch import ensure_engine
from engine.paths import find_home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from engine.cli.parser import Arguments, Parser


def arguments(parser: Parser, name: str) -> None:
    """Declare the arguments."""
    parser.argument("execution", metavar="REF", help="as flow#12, flow@last-failed, @last")
    parser.option("--reason", metavar="TEXT", help="why, for the audit")
    if name == "rerun":
        from engine.cli.inputs import add_inputs

        add_inputs(parser)
        parser.flag("--debug", help="debug mode, for this execution")
    add_following(parser)


def execute(args: Arguments, name: str) -> int:
    """Ask for it, and follow unless told not to."""
    body: dict[str, Any] = {}
    if args.reason:
        body["reason"] = args.reason
    if name == "rerun":
        from engine.cli.inputs import read_inputs

        body.update(read_inputs(args))
        if args.debug:
            body["debug"] = True
    home = find_home()
    client = ensure_engine(home)
    reference = settled(client, args.execution)
    path = f"/v1/executions/{segment(reference)}"
    # a retry goes on in the same log: what was printed before is known
    end = client.request("GET", f"{path}/logs/lines?limit=1") if name == "retry" else {}
    started = client.change("POST", f"{path}/{name}", body)
    verb = "retrying" if name == "retry" else "started"
    return follow_started(home, client, started, args, verb, after=end.get("after"))
