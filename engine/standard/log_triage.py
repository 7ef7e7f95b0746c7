"""The steps of log-triage. Runs in a worker, imports the standard library only.

Files are read line by line in constant memory; the number of different patterns is bounded.
"""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

JOURNAL = "journal.log"
PATTERNS_LIMIT = 20_000
LINE_LIMIT = 2000
EXAMPLE_LIMIT = 160

# a word of its own: `libgpg-error-dev`, `/error/page` and `no error` tell of none
_ALONE = r"(?<![\w/.-])(?<!\bno )({})(?![\w/-]|\.\w)"
LEVELS = (
    ("error",
     re.compile(_ALONE.format("emerg|alert|crit(ical)?|fatal|panic|err(or)?|fail(ed|ure)"), re.I)),
    ("warning", re.compile(_ALONE.format("warn|warning|deprecated"), re.I)),
    ("debug", re.compile(_ALONE.format("debug|trace"), re.I)),
)  # fmt: skip
HOUR = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d|[A-Z][a-z]{2} [ \d]\d \d\d")
VARIABLE = (
    (re.compile(r"^\S*\d{4}-\d\d-\d\d[T ]+\d\d:\d\d:\d\d\S*\s*"), ""),
    (re.compile(r"^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d\s*"), ""),
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]+\d\d:\d\d(:\d\d)?\S*"), "<time>"),
    (re.compile(r"\b[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"), "<uuid>"),
    (re.compile(r"\b\d{1,3}(\.\d{1,3}){3}(:\d+)?\b"), "<address>"),
    (re.compile(r"\b(0x)?[0-9a-fA-F]{12,}\b"), "<hex>"),
    (re.compile(r"(?<![\w.])/[\w.@+-]+(/[\w.@+-]+)+"), "<path>"),
    (re.compile(r"\d+([.,:]\d+)*"), "<n>"),
)  # fmt: skip


def choose(file: str, since: str) -> dict[str, str]:
    """The file to read: the one that is named, the journal, or the newest of /var/log."""
    if file:
        if not Path(file).is_file():
            raise SystemExit(f"ERROR there is no file {file}")
        print(f"INFO reading {file}")
        return {"file": file, "name": file}
    if shutil.which("journalctl"):
        with Path(JOURNAL).open("wb") as output:
            done = subprocess.run(
                ["journalctl", "--no-pager", "--quiet", "-o", "short-iso", f"--since={since}"],
                stdout=output, stderr=subprocess.PIPE, check=False,
            )  # fmt: skip
        if done.returncode == 0 and Path(JOURNAL).stat().st_size:
            print(f"INFO reading the journal since {since}")
            return {"file": JOURNAL, "name": "journal"}
    logs = [path for path in Path("/var/log").rglob("*") if is_log(path)]
    if not logs:
        raise SystemExit("ERROR no journal, and no log under /var/log can be read: name a file")
    newest = str(max(logs, key=lambda path: path.stat().st_mtime))
    print(f"INFO no journal here; reading the newest log, {newest}")
    return {"file": newest, "name": newest}


def is_log(path: Path) -> bool:
    """Whether this is a log with something in it that we may read."""
    try:
        named = path.suffix == ".log" or path.name in ("syslog", "messages")
        if not (named and path.is_file() and path.stat().st_size):
            return False
        with path.open("rb"):
            return True
    except OSError:
        return False


def lines_of(file: str) -> Iterator[str]:
    """The file's lines, cut where they are very long."""
    opener = gzip.open if file.endswith(".gz") else open
    with opener(file, "rt", encoding="utf-8", errors="replace") as stream:
        for line in stream:
            if not line.isspace():
                yield line[:LINE_LIMIT].rstrip("\n")


def level_of(line: str) -> str:
    """The level that the line's words say; info if none does."""
    return next((level for level, pattern in LEVELS if pattern.search(line)), "info")


def count_levels(file: str) -> dict[str, Any]:
    """Lines by level, and the hour with most errors."""
    levels: Counter[str] = Counter()
    hours: Counter[str] = Counter()
    for line in lines_of(file):
        level = level_of(line)
        levels[level] += 1
        if level == "error" and (hour := HOUR.search(line)):
            hours[hour.group()] += 1
    counts = {level: levels[level] for level in ("error", "warning", "info", "debug")}
    lines = levels.total()
    print(f"INFO {lines} lines: " + ", ".join(f"{n} {level}" for level, n in counts.items()))
    worst = hours.most_common(1)
    if worst:
        print(f"WARN the hour with most errors: {worst[0][0]}h, {worst[0][1]} of them")
    return {"lines": lines, **counts, "worst_hour": worst[0][0] if worst else None}


def rank_patterns(file: str, top: int) -> dict[str, Any]:
    """The most frequent patterns; errors and warnings come first."""
    counts: Counter[tuple[str, str]] = Counter()
    examples: dict[tuple[str, str], str] = {}
    left_out = 0
    for line in lines_of(file):
        key = (level_of(line), pattern_of(line))
        if key not in counts and len(counts) >= PATTERNS_LIMIT:
            left_out += 1
            continue
        counts[key] += 1
        examples.setdefault(key, line[:EXAMPLE_LIMIT])
    order = {"error": 0, "warning": 1, "info": 2, "debug": 3}
    ranked = sorted(counts, key=lambda key: (order[key[0]], -counts[key]))[:top]
    words = {"error": "ERROR", "warning": "WARN", "info": "INFO", "debug": "DEBUG"}
    for key in ranked:
        print(f"{words[key[0]]} {counts[key]:>6}x {key[1][:EXAMPLE_LIMIT]}")
    if left_out:
        print(f"WARN {left_out} lines had patterns beyond the first {PATTERNS_LIMIT}")
    return {
        "patterns": len(counts),
        "top": [
            {"count": counts[key], "level": key[0], "pattern": key[1][:EXAMPLE_LIMIT],
             "example": examples[key]}
            for key in ranked
        ],
    }  # fmt: skip


def pattern_of(line: str) -> str:
    """The line with what varies taken out."""
    for variable, mark in VARIABLE:
        line = variable.sub(mark, line)
    return line.strip()
