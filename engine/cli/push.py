"""`wingman flows push FILE`, `rollback FLOW`, `history FLOW`: the file of a flow on a server.

Looked at first, here and there; what would change is shown, and somebody says yes. The server
refuses where its file is not the one that was shown.
"""

from __future__ import annotations

import os
import sys

from engine.cli.format import count, local_time, size
from engine.cli.run import read_flow_file
from engine.cli.terminal import clean, clean_lines, paint, print_json, tell
from engine.client.http import segment
from engine.client.launch import ensure_engine
from engine.errors import Conflict, FlowFileError, UsageError
from engine.paths import find_home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from engine.cli.parser import Arguments
    from engine.client.http import Client

    Row = dict[str, Any]

SIGN_STYLES = {"+": "green", "-": "red", "@": "cyan"}
CONTEXT_LINES = 3
SHORT = 12  # digits of a version that are shown


def push(args: Arguments, file: str) -> int:
    """Put a file onto the server that is meant, once it holds and somebody has said yes."""
    from engine.flowfile import compile_flow

    source, text = read_flow_file(file)
    compiled = compile_flow(text.encode(), source)
    _check_tests(compiled)
    client = ensure_engine(find_home())
    name = str(compiled["name"])
    found = client.request("POST", f"{_path(name)}/look", {"text": text})
    return _carry_out(client, args, "push", found, {"text": text})


def rollback(args: Arguments, name: str) -> int:
    """Put a former version back: the one before, or that of `--to`."""
    client = ensure_engine(find_home())
    found = client.request("POST", f"{_path(name)}/look", {"to": args.to or ""})
    return _carry_out(client, args, "rollback", found, {"to": found["version"]})


def history(args: Arguments, name: str, version: str | None) -> int:
    """List the versions that were kept of a flow's file, or print one of them."""
    client = ensure_engine(find_home())
    if version is not None:
        text = client.text(f"{_path(name)}/versions/{segment(version)}")
        sys.stdout.write(clean_lines(text) if sys.stdout.isatty() else text)
        return 0
    rows = client.request("GET", f"{_path(name)}/versions")["versions"]
    if args.json:
        for row in rows:
            print_json(row)
    elif rows:
        _print_versions(rows)
    else:
        tell("no version is kept yet: they are from the first push on")
    return 0


def _print_versions(rows: list[Row]) -> None:
    from engine.cli.table import Column, lay_out
    from engine.cli.terminal import width

    columns = [
        Column(""), Column("VERSION"), Column("WHEN"), Column("BY"), Column("FROM", may_go=True),
        Column("WHAT"), Column("SIZE", right=True, may_go=True),
        Column("REASON", shrink=1, least=8),
    ]  # fmt: skip
    table = [
        [
            "*" if row["present"] else "",
            row["version"][:SHORT],
            local_time(row["at"]),
            clean(row["by"]),
            clean(row["origin"]),
            row["action"] + (", unfinished" if row["unfinished"] else ""),
            size(row["size_bytes"]),
            clean(row["reason"]),
        ]
        for row in rows
    ]
    for line in lay_out(columns, table, width(sys.stdout)):
        print(line)


def _path(name: str) -> str:
    return f"/v1/flows/{segment(name)}"


def _check_tests(compiled: Row) -> None:
    """The flow's own tests, before anybody else is asked. Raises Conflict."""
    from engine.rehearsal.trials import run_tests

    trials = run_tests(compiled)
    failed = [trial for trial in trials if not trial.passed]
    if failed:
        raise Conflict(
            f"{len(failed)} of {count(len(trials), 'test')} of {compiled['name']} fail: "
            + ", ".join(trial.name for trial in failed[:3]),
            "wingman test FILE tells what is otherwise than expected",
        )


def _carry_out(client: Client, args: Arguments, verb: str, found: Row, body: Row) -> int:
    """Show what would change, ask, and have it written."""
    name, server = str(found["name"]), _server_words(found)
    _refuse_problems(found)
    if found["present"] == found["version"]:
        tell(f"{server} has this version of {clean(name)} already: {found['version'][:SHORT]}")
        return _done(args, _unchanged(found))
    if not args.json:
        for line in _difference(found["present_text"], found["text"]):
            print(line)
    for line in _account(found, server):
        tell(line)
    blocked = _blocked(found, allow_missing=args.allow_missing)
    if args.dry_run:
        return _done(args, found | {"text": None, "present_text": None}, int(bool(blocked)))
    if blocked:
        raise Conflict(*blocked)
    if not args.yes and not _says_yes(verb, name, server):
        tell("nothing was changed")
        return 1
    wanted = {
        **body,
        "expected": found["present"],
        "reason": args.reason or "",
        "allow_missing": args.allow_missing,
    }
    try:
        pushed = client.change("PUT", _path(name), wanted)
    except Conflict as refusal:
        _tell_meanwhile(client, name, found, refusal)
        raise
    was = f", in place of {pushed['replaced'][:SHORT]}" if pushed["replaced"] else ""
    tell(f"{clean(name)} is {pushed['version'][:SHORT]} on {server} now{was}")
    return _done(args, pushed)


def _done(args: Arguments, answer: Row, code: int = 0) -> int:
    if args.json:
        print_json(answer)
    return code


def _unchanged(found: Row) -> Row:
    kept = {key: found[key] for key in ("name", "path", "version")}
    return {**kept, "replaced": found["present"], "changed": False}


def _refuse_problems(found: Row) -> None:
    """What the server finds wrong with the text. Raises FlowFileError."""
    if not found["problems"]:
        return
    lines = [
        f"{found['path']}:{each['line']}:{each['column']}: {each['what']}"
        + (f" ({each['hint']})" if each["hint"] else "")
        for each in found["problems"]
    ]
    raise FlowFileError("\n".join(lines), problems=found["problems"])


def _account(found: Row, server: str) -> Iterator[str]:
    """What there is to know before one says yes."""
    what = "takes the place of a standard flow" if found["standard"] else "is new there"
    if found["present"]:
        what = f"replaces {found['present'][:SHORT]}"
    name, version = clean(found["name"]), found["version"][:SHORT]
    yield f"{name} {version} {what}, on {server}: {clean(found['path'])}"
    failed = [each["name"] for each in found["tests"] if not each["passed"]]
    if found["tests"]:
        words = f"{len(failed)} fail: {clean(', '.join(failed[:3]))}" if failed else "all pass"
        yield f"{count(len(found['tests']), 'test')} there, {words}"
    for note in found["notes"]:
        yield f"{paint('note:', 'yellow', file=sys.stderr)} {clean(note)}"
    for miss in found["missing"]:
        yield f"{paint('missing:', 'red', 'bold', file=sys.stderr)} {clean(miss)}"


def _blocked(found: Row, *, allow_missing: bool) -> tuple[str, str] | None:
    """Why the server would not take it, and what helps."""
    failed = [each["name"] for each in found["tests"] if not each["passed"]]
    if failed:
        return f"{len(failed)} tests fail there, such as {failed[0]!r}", "wingman test FILE"
    if found["missing"] and not allow_missing:
        return (
            f"{found['name']} needs what the server has not, see above",
            "put it there first, or say --allow-missing",
        )
    return None


def _difference(before: str | None, after: str) -> Iterator[str]:
    """A unified diff, painted, without its head."""
    import difflib

    old = (before or "").splitlines()
    lines = difflib.unified_diff(old, after.splitlines(), n=CONTEXT_LINES, lineterm="")
    for number, line in enumerate(lines):
        style = SIGN_STYLES.get(line[:1])
        if number >= 2:
            yield paint(clean(line), style, file=sys.stdout) if style else clean(line)


def _says_yes(verb: str, name: str, server: str) -> bool:
    """Ask at the terminal. Raises UsageError where there is none."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(
            f"nobody can be asked whether to {verb} {name}", "say --yes, or look with --dry-run"
        )
    tell(f"{verb} {clean(name)} on {server}? [yes/no]")
    return sys.stdin.readline().strip().lower() in ("yes", "y")


def _tell_meanwhile(client: Client, name: str, seen: Row, refusal: Conflict) -> None:
    """What somebody else has changed since it was looked at."""
    if "present" not in refusal.details:
        return
    now = client.request("POST", f"{_path(name)}/look", {"text": seen["text"]})
    tell("changed meanwhile:")
    for line in _difference(seen["present_text"], now["present_text"] or ""):
        print(line)


def _server_words(found: Row) -> str:
    """The server that is meant, and what it is."""
    where = "this machine"
    if os.environ.get("WINGMAN_SERVER"):
        from engine.client.servers import current

        server = current()
        where = server.name if server is not None else where
    kind = "" if found["environment"] == where else found["environment"]
    if found["production"]:
        kind = f"{kind}, {paint('PRODUCTION', 'red', 'bold', file=sys.stderr)}".removeprefix(", ")
    return clean(where) + (f" ({kind})" if kind else "")
