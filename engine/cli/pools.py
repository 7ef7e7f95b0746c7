"""`wingman pools`: pools and concurrency groups, who holds them, who waits, since when."""

from __future__ import annotations

import sys
import time

from engine.cli.format import age
from engine.cli.table import Column, lay_out
from engine.cli.terminal import clean, clean_lines, print_json, tell, width
from engine.client.launch import ensure_engine
from engine.paths import find_home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from engine.cli.parser import Arguments, Parser


def arguments(parser: Parser, name: str) -> None:
    """Declare the arguments."""
    parser.argument("pool", takes="?", help="only this one, or this group")
    parser.json_flag()


def execute(args: Arguments, name: str) -> int:
    """Ask for the ledger and print it."""
    answer = ensure_engine(find_home()).request("GET", "/v1/pools")
    pools = [pool for pool in answer["pools"] if args.pool in (None, pool["name"])]
    groups = [group for group in answer.get("groups", ()) if args.pool in (None, group["name"])]
    if args.pool and not pools and not groups:
        from engine.errors import UnknownReference

        known = ", ".join(pool["name"] for pool in answer["pools"]) or "none"
        raise UnknownReference(f"there is no pool {args.pool!r}", f"there is: {known}")
    if answer["problem"]:
        tell(f"the configuration is not in effect: {clean_lines(answer['problem'])}")
    if args.json:
        for row in (*pools, *groups):
            print_json(row)
    else:
        _print_table(pools, groups)
    return 0


def _print_table(pools: list[dict[str, Any]], groups: list[dict[str, Any]]) -> None:
    if not pools and not groups:
        tell("no pools; they stand under [pools] in config.toml, such as db = 4")
        return
    columns = [
        Column("POOL" if pools else "GROUP", shrink=1, least=8),
        Column("USED", right=True),
        Column("HELD BY, WAITED FOR BY", shrink=2, least=20, middle=True),
        Column("SLOTS", right=True),
        Column(""),
    ]
    now_s = time.time()
    rows = [row for pool in pools for row in _rows(pool, now_s)]
    rows += [row for group in groups for row in _group_rows(group, now_s)]
    for line in lay_out(columns, rows, width(sys.stdout)):
        print(line)


def _rows(pool: dict[str, Any], now_s: float) -> list[list[str]]:
    """The pool's own row, then one for each holder and each waiter."""
    capacity = "?" if pool["capacity"] is None else pool["capacity"]
    note = "not in config.toml" if pool["capacity"] is None else ""
    rows = [[clean(pool["name"]), f"{pool['used']}/{capacity}", "", "", note]]
    for word, claims in (("holds for", pool["holders"]), ("waits for", pool["waiters"])):
        for claim in claims:
            name = clean(f"{claim['flow']}#{claim['number']} {claim['step']}")
            rows.append(["", "", name, str(claim["slots"]), f"{word} {_since(claim, now_s)}"])
    return rows


def _group_rows(group: dict[str, Any], now_s: float) -> list[list[str]]:
    """The group's own row, then each execution that holds it or waits for it."""
    used = f"{len(group['holders'])}/{group['limit']}"
    rows = [[clean(group["name"]), used, "", "", "concurrency group"]]
    for word, members in (("holds for", group["holders"]), ("waits for", group["waiters"])):
        for member in members:
            name = clean(f"{member['flow']}#{member['number']}")
            rows.append(["", "", name, "", f"{word} {_since(member, now_s)}"])
    return rows


def _since(row: dict[str, Any], now_s: float) -> str:
    return age(row["since"], now_s).removesuffix(" ago").replace("now", "a moment")
