"""`wingman batches REF STEP`: the batches of a step, a page at a time; there may be a million."""

from __future__ import annotations

import sys

from engine.cli import states
from engine.cli.format import duration
from engine.cli.table import Column, lay_out
from engine.cli.terminal import clean, has_glyphs, paint, print_json, tell, width
from engine.client.http import segment, with_query
from engine.client.launch import ensure_engine
from engine.paths import find_home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from engine.cli.parser import Arguments, Parser

PAGE = "50"


def arguments(parser: Parser, name: str) -> None:
    """Declare the arguments."""
    parser.argument("execution", metavar="REF", help="as flow#12, flow@last, @last")
    parser.argument("step", metavar="STEP", help="a step with batches")
    parser.option("--state", metavar="STATE", help="only these: failed, partial, running, …")
    parser.option("--after", metavar="NUMBER", help="go on after the batch of this number")
    parser.option("--limit", metavar="COUNT", default=PAGE, help=f"how many; {PAGE}")
    parser.json_flag()


def execute(args: Arguments, name: str) -> int:
    """Ask for the page and print it."""
    path = with_query(
        f"/v1/executions/{segment(args.execution)}/batches",
        step=args.step, state=args.state, after=args.after, limit=args.limit,
    )  # fmt: skip
    page = ensure_engine(find_home()).request("GET", path)
    if args.json:
        for row in page["batches"]:
            print_json(row)
    else:
        for line in _table(page["batch"], page["batches"]):
            print(line)
    if page["next"] is not None:
        state = f" --state {args.state}" if args.state else ""
        tell(f"more: wingman batches {clean(args.execution)} {clean(args.step)}{state} "
             f"--after {page['next']}")  # fmt: skip
    return 0


def _table(batch: dict[str, Any], rows: list[dict[str, Any]]) -> list[str]:
    def state(text: str) -> str:
        return paint(text, *states.LOOKS.get(text[2:].rstrip(), ("", "", ()))[2], file=sys.stdout)

    columns = [
        Column("STATE", paint=state),
        Column("BATCH", right=True),
        Column("ITEMS", right=True),
        Column("TOOK", right=True),
        Column("TRIES", right=True, may_go=True, shrink=4, least=5),
        Column("ERROR", shrink=2, least=16),
    ]
    return lay_out(columns, [_row(batch, row) for row in rows], width(sys.stdout))


def _row(batch: dict[str, Any], row: dict[str, Any]) -> list[str]:
    number = int(row["id"])
    first = number * batch["size"]
    last = min(first + batch["size"], batch["items"]) - 1
    glyph, ascii_glyph, _ = states.LOOKS.get(row["state"], ("?", "?", ()))
    error = row.get("error") or {}
    return [
        f"{glyph if has_glyphs(sys.stdout) else ascii_glyph} {row['state']}",
        str(number),
        f"{first}-{last}" if last > first else str(first),
        duration(row["duration_ms"]),
        str(row["attempts"]),
        clean(error.get("message") or row.get("reason") or ""),
    ]
