"""`wingman emit TYPE k=v…`: tell an event to the triggers that wait for its type."""

from __future__ import annotations

from engine.cli.terminal import clean, print_json, tell
from engine.client.launch import ensure_engine
from engine.errors import UsageError
from engine.outputs import typed
from engine.paths import find_home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from engine.cli.parser import Arguments, Parser


def arguments(parser: Parser, name: str) -> None:
    """Declare the arguments."""
    parser.argument("type", help="the event's type, such as file.uploaded")
    parser.argument(
        "pairs", takes="*", metavar="KEY=VALUE",
        help="its data; whole numbers, true and false as such; KEY:=JSON for the rest",
    )  # fmt: skip
    parser.option("--id", metavar="ID", help="what makes it one: the same id starts nothing twice")
    parser.option("--subject", metavar="TEXT", help="what it is about")
    parser.json_flag()


def execute(args: Arguments, name: str) -> int:
    """Tell it, and say what it has started."""
    body = {"type": args.type, "source": "wingman emit", "data": _data(args.pairs)}
    body |= {key: value for key, value in (("id", args.id), ("subject", args.subject)) if value}
    found = ensure_engine(find_home()).change("POST", "/v1/events", body)
    if args.json:
        print_json(found)
        return 0
    if not found["outcomes"]:
        tell(f"no trigger waits for {clean(args.type)}")
    for each in found["outcomes"]:
        again = " before" if each["duplicate"] else ""
        words = each["execution"] or each["reason"]
        print(f"{clean(each['trigger'])}: {each['outcome']}{again}  {clean(words)}")
    return 0


def _data(pairs: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for pair in pairs:
        name, given, value = pair.partition("=")
        if not given or not name.rstrip(":"):
            raise UsageError(f"{pair!r} is not KEY=VALUE", "KEY:=JSON for lists and the like")
        found[name.rstrip(":")] = _json(name, value) if name.endswith(":") else typed(value)
    return found


def _json(name: str, text: str) -> Any:
    import json

    try:
        return json.loads(text)
    except ValueError as error:
        raise UsageError(f"{name}={text} is not JSON: {error}") from error
