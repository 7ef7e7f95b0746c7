"""`wingman why REF|FLOW`: the cause of a failure or what it waits for, and what helps."""

from __future__ import annotations

import sys

from engine.cli.format import local_time
from engine.cli.table import beside
from engine.cli.terminal import clean, paint, print_json, width
from engine.client.http import segment, with_query
from engine.client.launch import ensure_engine
from engine.errors import UnknownReference
from engine.paths import find_home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from engine.cli.parser import Arguments, Parser
    from engine.client.http import Client


def arguments(parser: Parser, name: str) -> None:
    """Declare the arguments."""
    parser.argument("subject", metavar="REF|FLOW", help="as flow#12, flow@last-failed, a flow")
    parser.option("--step", metavar="STEP", help="about one step, by its path")
    parser.flag("--no-probe", help="do not ask the server of a failed http step again")
    parser.json_flag()


def execute(args: Arguments, name: str) -> int:
    """Ask, and tell the chain from the answer to the help."""
    client = ensure_engine(find_home())
    found = _ask(client, args.subject, args.step, probe=not args.no_probe)
    if args.json:
        print_json(found)
        return 0
    for line in _account(found):
        print(line)
    return 0


def _ask(client: Client, subject: str, step: str | None, probe: bool) -> dict[str, Any]:
    """Of a name that is a flow's and no execution's, why the flow runs or not."""
    parameters = {"step": step} if step else {}
    if probe:
        parameters["probe"] = "true"
    try:
        path = with_query(f"/v1/executions/{segment(subject)}/why", **parameters)
        return client.request("GET", path)
    except UnknownReference:
        if step or "#" in subject or "@" in subject:
            raise
        try:
            return client.request("GET", f"/v1/flows/{segment(subject)}/why")
        except UnknownReference as unknown:
            raise UnknownReference(
                f"there is no execution and no flow {subject!r}", unknown.hint
            ) from None


def _account(found: dict[str, Any]) -> list[str]:
    out = sys.stdout
    lines = [f"{paint(clean(found['subject']), 'bold', file=out)}: {clean(found['answer'])}"]
    for cause in found["causes"]:
        indent = "  " * (cause["depth"] + 1)
        since = f"  ({local_time(cause['since'])})" if cause["since"] else ""
        subject = paint(clean(cause["subject"]), "bold", file=out)
        lines.append(f"{indent}{subject}  {clean(cause['what'])}{since}")
        lines += [f"{indent}  | {clean(text)}" for text in cause["lines"]]
    if found["helps"]:
        helps = [(clean(each["command"]), clean(each["what"])) for each in found["helps"]]
        lines += ["", *beside(helps, width(out))]
    return lines
