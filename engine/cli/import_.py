"""`wingman import crontab FILE|-`: flows from a crontab, and what they cannot carry over."""

from __future__ import annotations

import os

from engine.cli.crontab import Entry, Told, flow_text, name_of, read
from engine.cli.given import given_text
from engine.cli.terminal import clean, print_json, tell
from engine.errors import FlowFileError, UsageError

UTC = ("UTC", "Etc/UTC", "Etc/UCT", "UCT", "Universal", "Zulu")

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from engine.cli.parser import Arguments, Parser


def arguments(parser: Parser, name: str) -> None:
    """Declare the arguments."""
    parser.argument("kind", choices=("crontab",))
    parser.argument("file", metavar="FILE", help="a crontab, as `crontab -l` prints it; - is stdin")
    parser.option("-o", "--output", metavar="DIRECTORY", help="where the flows go; . when left out")
    parser.option(
        "--timezone", metavar="ZONE",
        help="whose times they are, as Europe/Zurich; this machine's when left out",
    )  # fmt: skip
    parser.flag("--users", help="it has a column of users, as /etc/crontab has")
    parser.json_flag()


def execute(args: Arguments, name: str) -> int:
    """Write the flows, one a line of the crontab; 1 where a line could not be carried over."""
    text = given_text(args.file)
    folder = args.output or "."
    if not os.path.isdir(folder):
        raise UsageError(f"{folder} is no directory", f"mkdir {folder}")
    zone = args.timezone or machine_zone()
    has_users = args.users or os.path.abspath(args.file).startswith("/etc/cron")
    taken = {each.rpartition(".")[0] for each in os.listdir(folder)}
    rows: list[dict[str, Any]] = []
    for found in read(text, has_users, "" if zone in UTC else zone):
        if isinstance(found, Told):
            notes = [found.note] if found.note else []
            rows.append({"line": found.number, "file": None, "problem": found.problem,
                         "notes": notes})  # fmt: skip
        else:
            rows.append(_write(found, folder, args.file, taken))
    _tell(rows, args.json)
    if zone not in UTC:
        whose = "" if args.timezone else ", this machine's (--timezone names another)"
        tell(f"times without a CRON_TZ are those of {clean(zone)}{whose}")
    return 1 if any(row["problem"] for row in rows) else 0


def machine_zone(link: str = "/etc/localtime") -> str:
    """The time zone by which this machine's cron goes; UTC where it has no name."""
    _, found, name = os.path.realpath(link).partition("/zoneinfo/")
    return name.removeprefix("posix/") if found else "UTC"


def _write(entry: Entry, folder: str, source: str, taken: set[str]) -> dict[str, Any]:
    """Make, check and write one flow."""
    from engine.flowfile import compile_flow

    row: dict[str, Any] = {
        "line": entry.number, "file": None, "problem": "", "notes": entry.notes,
    }  # fmt: skip
    if entry.schedule == "@reboot":
        row["problem"] = "@reboot is no moment in time; start it where the machine starts"
        return row
    if "~" in entry.schedule:
        row["problem"] = "`~`, a time by chance: choose one, and write jitter into the trigger"
        return row
    if not entry.command:
        row["problem"] = "it runs nothing"
        return row
    entry.name = name_of(entry, taken)
    text = flow_text(entry, "the crontab" if source == "-" else source)
    path = os.path.join(folder, f"{entry.name}.yaml")
    try:
        compile_flow(text.encode(), path)
    except FlowFileError as error:
        problems = [each["what"] for each in error.details["problems"]]
        row["problem"] = "; ".join(problems)
        taken.discard(entry.name)
        return row
    try:
        with open(path, "x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error
    row["file"] = path
    return row


def _tell(rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        for row in rows:
            print_json(row)
        return
    for row in rows:
        told = [*filter(None, [row["problem"]]), *row["notes"]]
        if not (row["file"] or row["problem"]):  # a variable
            print(f"line {row['line']}: {clean(told[0])}")
            continue
        print(f"line {row['line']}: {clean(row['file'] or 'not carried over')}")
        for note in told:
            print(f"  {clean(note)}")
    lines = [row for row in rows if row["file"] or row["problem"]]
    made = sum(row["file"] is not None for row in lines)
    tell(f"{made} of {len(lines)} lines are flows now; wingman validate checks them")
