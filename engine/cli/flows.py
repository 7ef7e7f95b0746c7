"""`wingman flows [FLOW]`: what can be run by name, or one flow; also what is done to its file."""

from __future__ import annotations

import sys

from engine.cli import states
from engine.cli.format import duration
from engine.cli.table import Column, lay_out
from engine.cli.terminal import clean, clean_lines, has_glyphs, paint, print_json, tell, width
from engine.client.http import segment
from engine.client.launch import ensure_engine
from engine.errors import UnknownReference, UsageError
from engine.paths import find_home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from engine.cli.parser import Arguments, Parser
    from engine.client.http import Client

# what is done to the file of a flow, and what it is done to
ACTIONS = {"push": "FILE", "rollback": "FLOW", "history": "FLOW"}


def arguments(parser: Parser, name: str) -> None:
    """Declare the arguments."""
    parser.argument(
        "words", takes="*", metavar="FLOW",
        help="show this one, with its inputs; or: push FILE, rollback FLOW, "
        "history FLOW [VERSION]",
    )  # fmt: skip
    parser.flag("--standard", help="only those that come with Wingman")
    parser.flag("--definition", help="print the flow's file")
    parser.option("--to", metavar="VERSION", help="rollback: to this version, not the one before")
    parser.option("--reason", metavar="TEXT", help="push, rollback: why, for the audit")
    parser.flag("--yes", help="push, rollback: do not ask")
    parser.flag("--dry-run", help="push, rollback: show what would change, and change nothing")
    parser.flag("--allow-missing", help="push, rollback: although the server lacks what it needs")
    parser.json_flag()


def execute(args: Arguments, name: str) -> int:
    """Ask for the flows and print them, or act on the file of one."""
    if args.words and args.words[0] in ACTIONS and len(args.words) > 1:
        return _act(args)
    if len(args.words) > 1:
        raise UsageError(f"{args.words[1]!r} is one argument too many", "wingman flows --help")
    for option in ("to", "reason", "yes", "dry_run", "allow_missing"):
        if getattr(args, option):
            words = option.replace("_", "-")
            raise UsageError(f"--{words} is for push and rollback", "wingman flows push FILE")
    client = ensure_engine(find_home())
    if args.words:
        _print_flow(_one(client, args.words[0]), args)
        return 0
    flows = client.request("GET", "/v1/flows")["flows"]
    if args.standard:
        flows = [flow for flow in flows if flow["standard"]]
    if args.json:
        for flow in flows:
            print_json(flow)
    else:
        _print_table(flows)
    return 0


def _one(client: Client, name: str) -> dict[str, Any]:
    try:
        return client.request("GET", f"/v1/flows/{segment(name)}")
    except UnknownReference as error:
        if name in ACTIONS:
            raise UsageError(f"{ACTIONS[name]} is missing", f"wingman flows {name} …") from None
        raise error


def _act(args: Arguments) -> int:
    """Push a file, roll a flow back, or tell its history."""
    from engine.cli import push

    action, subject, *rest = args.words
    if len(rest) > (action == "history"):
        raise UsageError(f"{rest[-1]!r} is one argument too many", f"wingman flows {action} --help")
    if action == "push":
        if args.to is not None:
            raise UsageError("--to is for rollback", "wingman flows rollback FLOW --to VERSION")
        return push.push(args, subject)
    if action == "rollback":
        return push.rollback(args, subject)
    return push.history(args, subject, rest[0] if rest else None)


def _print_table(flows: list[dict[str, Any]]) -> None:
    if not flows:
        tell("no flows; those that come with Wingman: wingman flows --standard")
        return
    columns = [
        Column("FLOW", shrink=1, least=16, middle=True),
        Column("LAST", shrink=0),
        Column("TOOK", right=True),
        Column("TYPE", shrink=2, least=6, may_go=True),
        Column("DESCRIPTION", shrink=3, least=16, may_go=True),
    ]
    for line in lay_out(columns, [_row(flow) for flow in flows], width(sys.stdout)):
        print(line)
    broken = [flow for flow in flows if flow["problems"]]
    for flow in broken:
        for problem in flow["problems"]:
            tell(f"{clean(flow['name'])} cannot start: {clean(problem)}")


def _row(flow: dict[str, Any]) -> list[str]:
    last = flow["last"][0] if flow["last"] else {}
    state = last.get("state")
    glyphs = states.LOOKS.get(state, ("?", "?", ())) if state else None
    glyph = glyphs[0 if has_glyphs(sys.stdout) else 1] if glyphs else ""
    badge = "" if flow["debug"] == "off" else f"DEBUG {flow['debug']}: ".replace(" on:", ":")
    trouble = "cannot start: " if flow["problems"] else ""
    return [
        clean(flow["name"]),
        f"{glyph} {state}" if state else "never ran",
        duration(last.get("duration_ms")),
        clean(flow["type"]),
        clean(f"{badge}{trouble}{flow['description'].partition(chr(10))[0]}"),
    ]


def _print_flow(flow: dict[str, Any], args: Arguments) -> None:
    if args.json:
        print_json(flow)
        return
    if args.definition:
        text = str(flow.get("definition", ""))
        sys.stdout.write(clean_lines(text) if sys.stdout.isatty() else text)
        return
    print(paint(clean(flow["name"]), "bold", file=sys.stdout))
    if flow["description"]:
        print(f"  {clean_lines(flow['description'])}")
    print(f"  file: {clean(flow['source'])}")
    if flow["debug"] != "off":
        print(f"  debug mode: {flow['debug']}")
    for problem in flow["problems"]:
        print(f"  cannot start: {clean(problem)}")
    if flow["inputs"]:
        print("\nInputs")
    for each in flow["inputs"]:
        for line in _input_lines(each):
            print(line)
    words = [f"-i {each['name']}=…" for each in flow["inputs"] if each["required"]]
    print(f"\nwingman run {' '.join([clean(flow['name']), *words])}")


def _input_lines(declared: dict[str, Any]) -> list[str]:
    import json

    kind = declared["type"] + (", never shown" if declared["sensitive"] else "")
    if declared["required"]:
        given = "required"
    elif declared["sensitive"]:
        given = "may be left out"
    else:
        given = f"default {json.dumps(declared.get('default'), ensure_ascii=False)}"
    lines = [f"  {clean(declared['name'])}: {kind}, {clean(given)}"]
    known = {k: v for k, v in declared["schema"].items() if k not in ("type", "description")}
    limits = ", ".join(f"{key} {json.dumps(value)}" for key, value in known.items())
    lines += [f"    {clean(text)}" for text in (declared["description"], limits) if text]
    return lines
