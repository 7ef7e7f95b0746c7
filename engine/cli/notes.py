"""`wingman note REF [STEP] [TEXT]`, `wingman notes [TEXT]`: what people write beside executions."""

from __future__ import annotations

import sys

from engine.cli.format import local_time
from engine.cli.report import name_of
from engine.cli.terminal import clean, clean_lines, paint, print_json, tell
from engine.client.http import segment, with_query
from engine.client.launch import ensure_engine
from engine.errors import UnknownReference, UsageError
from engine.paths import find_home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from engine.cli.parser import Arguments, Parser
    from engine.client.http import Client

IN_QUOTES = 'in quotes: wingman note REF [STEP] "what was found"'


def arguments(parser: Parser, name: str) -> None:
    """Declare the arguments."""
    if name == "note":
        parser.argument("execution", metavar="REF", help="as flow#12, flow@last, @last")
        parser.argument("words", takes="*", metavar="[STEP] TEXT", help="- reads it from stdin")
        parser.option("--edit", metavar="N", help="write note N anew", convert=int)
        parser.option("--remove", metavar="N", help="take note N away", convert=int)
    else:
        parser.argument("words", takes="*", metavar="TEXT", help="only notes that hold these words")
        parser.option("--flow", metavar="FLOW", help="only those of a flow")
        parser.option("--limit", metavar="N", help="at most so many", default=50, convert=int)
    parser.json_flag()


def execute(args: Arguments, name: str) -> int:
    """List, write, edit or remove notes."""
    client = ensure_engine(find_home())
    if name == "notes":
        query = {"text": " ".join(args.words), "flow": args.flow or "", "limit": args.limit}
        _print(client.request("GET", with_query("/v1/notes", **query))["notes"], args.json)
        return 0
    path = f"/v1/executions/{segment(args.execution)}/notes"
    if args.remove is not None:
        client.change("DELETE", f"{path}/{args.remove}")
        tell(f"removed note {args.remove}")
    elif not args.words and args.edit is None:
        _print(client.request("GET", path)["notes"], args.json)
    else:
        _print([_written(client, path, args)], args.json)
    return 0


def _written(client: Client, path: str, args: Arguments) -> dict[str, Any]:
    """The note that was written or edited."""
    if len(args.words) > 2 or not args.words:
        raise UsageError("a note is one text", IN_QUOTES)
    text = args.words[-1]
    if text == "-":
        text = sys.stdin.read()
    body: dict[str, Any] = {"text": text}
    if args.edit is not None:
        if len(args.words) > 1:
            raise UsageError("an edited note stays where it is", "give only its new text")
        return client.change("PUT", f"{path}/{args.edit}", body)
    if len(args.words) == 2:
        body["step"] = args.words[0]
    try:
        return client.change("POST", path, body)
    except UnknownReference as error:
        if repr(body.get("step")) in error.message:  # a text of two words, more likely than a step
            error.hint = f"a text stands {IN_QUOTES}"
        raise


def _print(notes: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        for note in notes:
            print_json(note)
        return
    for note in notes:
        for line in note_lines(note):
            print(line)


def note_lines(note: dict[str, Any]) -> list[str]:
    """A note as text: where, who and when, then what was written."""
    step = f" {clean(note['step'])}" if note["step"] else ""
    where = paint(f"{name_of(note)}{step}", "bold", file=sys.stdout)
    edited = f", edited {local_time(note['edited_at'])}" if note["edited_at"] else ""
    head = f"{note['id']}  {where}  {clean(note['by'])}, {local_time(note['at'])}{edited}"
    return [head, *(f"   {line}" for line in clean_lines(note["text"]).splitlines())]
