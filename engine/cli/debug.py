"""`wingman debug FLOW on|once|off`: a switch of the engine, not of the flow's file."""

from __future__ import annotations

from engine.cli.terminal import clean, print_json, tell
from engine.client.http import segment
from engine.client.launch import ensure_engine
from engine.paths import find_home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from engine.cli.parser import Arguments, Parser


def arguments(parser: Parser, name: str) -> None:
    """Declare the arguments."""
    parser.argument("flow")
    parser.argument("mode", choices=("on", "once", "off"))
    parser.json_flag()


def execute(args: Arguments, name: str) -> int:
    """Switch it."""
    client = ensure_engine(find_home())
    client.change("POST", f"/v1/flows/{segment(args.flow)}/debug", {"mode": args.mode})
    if args.json:
        print_json({"flow": args.flow, "debug": args.mode})
        return 0
    flow = clean(args.flow)
    print(f"debug mode of {flow}: {args.mode}")
    if args.mode == "on":
        tell(f"every execution of {flow} is traced until: wingman debug {flow} off")
    elif args.mode == "once":
        tell(f"the next execution of {flow} is traced: wingman run {flow}")
    return 0
