"""`wingman approve|reject REF [STEP]`."""

from __future__ import annotations

from engine.cli.inputs import add_inputs, read_inputs
from engine.cli.report import json_started, name_of
from engine.cli.terminal import clean
from engine.cli.verbs import settled
from engine.client.http import quote
from engine.client.launch import ensure_engine
from engine.paths import find_home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from engine.cli.parser import Arguments, Parser


def arguments(parser: Parser, name: str) -> None:
    """Declare the arguments."""
    parser.argument("execution", metavar="REF", help="as flow#12, flow@last, @last")
    parser.argument("step", takes="?", metavar="STEP", help="where several steps wait")
    add_inputs(parser)
    parser.option("--comment", "-m", metavar="TEXT", help="why; kept with the decision")
    parser.json_flag()


def execute(args: Arguments, name: str) -> int:
    """Tell the engine the decision."""
    body = {"step": args.step, "comment": args.comment, **read_inputs(args)}
    client = ensure_engine(find_home())
    reference = quote(settled(client, args.execution))
    answer = client.change("POST", f"/v1/executions/{reference}/{name}", body)
    if args.json:
        print(json_started(answer))
    else:
        done = "approved" if name == "approve" else "rejected"
        print(f"{done} {clean(answer['step'])} of {name_of(answer)}")
    return 0
