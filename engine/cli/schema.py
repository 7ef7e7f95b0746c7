"""`wingman schema`: the JSON Schema of flow files, for editors."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from engine.cli.parser import Arguments, Parser


def arguments(parser: Parser, name: str) -> None:
    """Declare the arguments."""
    parser.flag("--json", help="as it is anyway")


def execute(args: Arguments, name: str) -> int:
    """Print it."""
    import json

    from engine.flowfile import json_schema

    print(json.dumps(json_schema(), indent=2))
    return 0
