"""`wingman version`."""

from __future__ import annotations

from engine import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from engine.cli.parser import Arguments, Parser


def arguments(parser: Parser, name: str) -> None:
    """Declare the arguments."""
    parser.json_flag()


def execute(args: Arguments, name: str) -> int:
    """Print the version of this program."""
    print(f'{{"version": "{__version__}"}}' if args.json else f"wingman {__version__}")
    return 0
