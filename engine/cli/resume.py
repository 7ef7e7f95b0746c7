"""`wingman resume REF`: a linked execution with a fix that reuses what is provably unchanged."""

from __future__ import annotations

import sys

from engine.cli.inputs import add_inputs, read_inputs
from engine.cli.run import add_following, follow_started, read_flow_file
from engine.cli.table import Column, lay_out
from engine.cli.terminal import clean, paint, print_json, tell, width
from engine.cli.verbs import settled
from engine.client.http import quote, segment
from engine.client.launch import ensure_engine
from engine.errors import UsageError
from engine.paths import find_home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TextIO

    from engine.cli.parser import Arguments, Parser

LOOKS = {"reuse": ("green",), "run": ("cyan",), "invalidated": ("yellow",)}


def arguments(parser: Parser, name: str) -> None:
    """Declare the arguments."""
    parser.argument("execution", metavar="REF", help="as flow#12, flow@last-failed, @last")
    parser.option(
        "--file", metavar="FILE", help="the corrected flow file; else the flow's file as it is now"
    )
    add_inputs(parser)
    parser.flag("--plan", help="print what would be reused and what would run, and start nothing")
    parser.option("--run", metavar="STEP", each=True, help="run this step, also if unchanged")
    parser.option("--reuse", metavar="STEP", each=True, help="reuse this step")
    parser.flag("--unsafe", help="let --reuse take over also what has changed")
    parser.flag("--save", help="once it has completed, save the fix into the flow's file")
    parser.option("--reason", metavar="TEXT", help="why, for the audit")
    parser.flag("--debug", help="debug mode, for this execution")
    add_following(parser)


def execute(args: Arguments, name: str) -> int:
    """Make the plan, show it, start it, and follow."""
    if args.save and args.detach:
        raise UsageError("--save waits for the end, and --detach does not", "leave one out")
    body = _request(args)
    home = find_home()
    client = ensure_engine(home)
    path = f"/v1/executions/{segment(settled(client, args.execution))}/resume"
    plan = client.request("POST", f"{path}/plan", body)
    if args.plan:
        if args.json:
            print_json(plan)
            return 0
        for line in plan_lines(plan, sys.stdout):
            print(line)
        return 0
    if not args.json:
        for line in plan_lines(plan, sys.stderr):
            tell(line)
    body["version"] = plan["version"]
    # copying the working directory takes as long as it takes
    started = client.change("POST", path, body, timeout_s=None)
    code = follow_started(home, client, started, args)
    if args.save and code == 0 and not args.detach:
        saved = ensure_engine(home).change("POST", f"/v1/executions/{quote(started['id'])}/fix")
        tell(f"saved into {clean(saved['path'])}")
    return code


def _request(args: Arguments) -> dict[str, Any]:
    body: dict[str, Any] = read_inputs(args)
    if args.file:
        source, text = read_flow_file(args.file)
        body |= {"text": text, "label": source}
    for key in ("run", "reuse", "unsafe", "reason", "debug"):
        if value := getattr(args, key):
            body[key] = value
    return body


def plan_lines(plan: dict[str, Any], out: TextIO) -> list[str]:
    """The plan as a table, with its sum on the last line."""

    def decided(text: str) -> str:
        return paint(text, *LOOKS.get(text.rstrip(), ()), file=out)

    columns = [
        Column("PLAN", paint=decided),
        Column("STEP", shrink=1, least=16, middle=True),
        Column("WAS", shrink=2, least=6),
        Column("BECAUSE", shrink=3, least=16),
    ]
    rows = [
        [step["decision"], clean(step["path"]), step["was"] or "-", clean(step["because"])]
        for step in plan["steps"]
    ]
    counts = plan["counts"]
    version = "the same version"
    if plan["version"] != plan["old_version"]:
        version = f"version {plan['version'][:12]} instead of {plan['old_version'][:12]}"
    total = (
        f"{clean(plan['execution'])} with {version}: {counts['reuse']} reused, "
        f"{counts['run'] + counts['invalidated']} to run"
    )
    gone = [f"no longer there: {clean(', '.join(plan['gone']))}"] if plan["gone"] else []
    return [*lay_out(columns, rows, width(out)), *gone, total]
