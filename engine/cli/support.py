"""`wingman support-bundle`: one masked file for whoever helps; no output of steps, no values."""

from __future__ import annotations

import time

from engine.cli.archive import print_written, write_whole
from engine.cli.terminal import clean, tell
from engine.client.launch import ensure_engine
from engine.paths import find_home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from engine.cli.parser import Arguments, Parser


def arguments(parser: Parser, name: str) -> None:
    """Declare the arguments."""
    parser.option("--output", "-o", metavar="FILE", help="the file; else wingman-support-….tar.gz")
    parser.json_flag()


def execute(args: Arguments, name: str) -> int:
    """Ask for it, and write it."""
    chunks = ensure_engine(find_home()).stream("GET", "/v1/support")
    target = args.output or time.strftime("wingman-support-%Y%m%d-%H%M%S.tar.gz")
    size_bytes = write_whole(target, chunks)
    tell(f"{clean(target)}: {size_bytes:,} bytes, masked; look through it before you give it away")
    print_written(target, size_bytes, args.json)
    return 0
