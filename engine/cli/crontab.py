"""A crontab read line by line into flows: variables, macros, `%`, the users' column. Pure.

What a flow cannot say is not left out silently: each line comes back with notes.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_VARIABLE = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|([A-Za-z_]\w*))\s*=\s*(.*)""")
_JOB = re.compile(r"\s*((?:[^\s@]\S*\s+){4}[^\s@]\S*|@\w+)\s+(.*)", re.DOTALL)
_USER = re.compile(r"([A-Za-z_][\w.-]*\$?)\s+(.*)", re.DOTALL)
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORD = re.compile(r"[A-Za-z0-9]+")
_HEADING = re.compile(r"\bdom\b.*\bdow\b|day of|user-?name|\*\s+\*", re.IGNORECASE)
_TAKEN = ("IFS", "ENV", "BASH_ENV")
_MEANT_FOR_CRON = ("MAILTO", "MAILFROM", "CONTENT_TYPE", "CONTENT_TRANSFER_ENCODING", "LOGNAME",
                   "USER", "RANDOM_DELAY")  # fmt: skip
_SYNTAX = ("if", "then", "else", "fi", "do", "done", "!")
_GUARDS = ("test", "[", "[[", "command", "cd", "source", ".", "sleep", "umask", "export", "true")
_WRAPPERS = ("nice", "ionice", "flock", "sudo", "env", "timeout", "time", "chronic", "setlock",
             "exec", "nohup", "systemd-cat")  # fmt: skip
_INTERPRETERS = r"(python|perl|php|ruby|node|bash|sh|dash)[0-9.]*"
SHELLS = {"/bin/sh": "sh", "/bin/bash": "bash", "/usr/bin/bash": "bash", "/bin/dash": "dash"}


class Entry:
    """One line of a crontab that starts something."""

    def __init__(self, number: int, schedule: str, command: str) -> None:
        self.number = number
        self.schedule = schedule
        self.command = command
        self.stdin = ""  # what follows the first `%`
        self.user = ""
        self.zone = ""
        self.jitter_min = ""
        self.shell = "/bin/sh"
        self.env: dict[str, str] = {}
        self.notes: list[str] = []
        self.comment = ""
        self.name = ""


class Told:
    """A line that becomes no flow: what is wrong with it, or what of it is not carried over."""

    def __init__(self, number: int, problem: str = "", note: str = "") -> None:
        self.number = number
        self.problem = problem
        self.note = note


def read(text: str, has_users: bool, zone: str = "") -> Iterator[Entry | Told]:
    """Each job, and each other line of which something cannot be carried over.

    Times are those of `zone`, UTC where there is none, unless CRON_TZ names another.
    """
    env: dict[str, str] = {}
    comment = ""
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            comment = stripped.lstrip("# ") if stripped and not _HEADING.search(stripped) else ""
            continue
        variable = _VARIABLE.fullmatch(line)
        job = _JOB.fullmatch(line)
        if variable and not (job and stripped[:1].isdigit()):
            name = next(part for part in variable.groups()[:3] if part is not None)
            env[name] = _unquoted(variable[4])
            if note := _note_about(name, env[name]):
                yield Told(number, note=note)
        elif job is None:
            yield Told(number, f"is no line of a crontab: {stripped[:60]}")
        else:
            yield _entry(number, job[1], job[2], {"CRON_TZ": zone, **env}, has_users, comment)
        comment = ""


def _unquoted(text: str) -> str:
    text = text.strip()
    is_quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
    return text[1:-1] if is_quoted else text


def _entry(
    number: int, schedule: str, rest: str, env: dict[str, str], has_users: bool, comment: str
) -> Entry:
    user = ""
    if has_users and (found := _USER.fullmatch(rest)):
        user, rest = found[1], found[2]
    command, stdin = _percent(rest.strip())
    entry = Entry(number, " ".join(schedule.split()), command)
    entry.user, entry.stdin, entry.comment = user, stdin, comment
    if entry.schedule.startswith("-"):
        entry.schedule = entry.schedule[1:]
        entry.notes.append("the dash before it (not to be logged by syslog) means nothing here")
    if user:
        entry.notes.append(f"user {user}: it runs as the engine's user")
    for name, value in env.items():
        if name == "CRON_TZ":  # TZ is for its commands alone
            entry.zone = value
        elif name == "SHELL":
            entry.shell = value
        elif name == "RANDOM_DELAY" and value.isdigit() and value.isascii() and int(value):
            entry.jitter_min = value
        elif name not in _MEANT_FOR_CRON and _may_be_set(name):
            entry.env[name] = value
    return entry


def _percent(text: str) -> tuple[str, str]:
    r"""The command, and the input that `%` begins; `\%` is a percent sign."""
    parts = re.split(r"(?<!\\)%", text)
    plain = [part.replace("\\%", "%") for part in parts]
    return plain[0].strip(), "".join(f"{part}\n" for part in plain[1:])


def _may_be_set(name: str) -> bool:
    is_taken = name in _TAKEN or name.startswith("WINGMAN_")
    return bool(_ENV_NAME.fullmatch(name)) and not is_taken


def _note_about(name: str, value: str) -> str:
    """What of a variable the flows below it do not have."""
    if name == "MAILTO":
        return value and (f"MAILTO={value}: nobody is mailed; logs keep what is printed, and "
                          "`alerts:` can tell of failures")  # fmt: skip
    if name == "RANDOM_DELAY" and not (value.isascii() and value.isdigit()):
        return f"RANDOM_DELAY={value}: no number of minutes"
    if name in _MEANT_FOR_CRON and name not in ("RANDOM_DELAY",):
        return f"{name}={value}: it is not set for the flows"
    if name == "TZ":
        return f"TZ={value}: for the commands, as under cron; their times go by CRON_TZ"
    if name not in ("CRON_TZ", "SHELL", "RANDOM_DELAY") and not _may_be_set(name):
        return f"{name}: no variable that a flow may set"
    return ""


def name_of(entry: Entry, taken: set[str]) -> str:
    """A name for its flow: from what it runs, unlike the others'."""
    plain = "-".join(_WORD.findall(_program(entry.command).lower()))[:50] or "job"
    number, name = 1, plain
    while name in taken:
        number += 1
        name = f"{plain}-{number}"
    taken.add(name)
    return name


def _program(command: str) -> str:
    """What a command line runs in the main: no test before it, and nothing that only wraps it."""
    for part in re.split(r"&&|\|\||[;|&\n]", command):
        words = [word.strip("(){}'\"") for word in re.split(r"[<>]", part)[0].split()]
        words = [word for word in words if word and "=" not in word and word not in _SYNTAX]
        if not words or words[0] in _GUARDS or re.search(r"\bsleep\s", part):
            continue
        program, rest = words[0], [word for word in words[1:] if not word.startswith("-")]
        stem = _stem(program)
        if stem in _WRAPPERS:
            paths = [word for word in rest if "/" in word] or rest[-1:]
            return _stem(paths[-1]) if paths else stem
        if re.fullmatch(_INTERPRETERS, stem) and rest:
            return _stem(rest[0])
        return stem
    return "job"


def _stem(word: str) -> str:
    return word.rstrip("/").rpartition("/")[2].partition(".")[0]


def flow_text(entry: Entry, source: str) -> str:
    """The flow file of an entry."""
    import json

    quoted = json.dumps  # every JSON text is a YAML text
    what = entry.comment or f"from line {entry.number} of {source}"
    lines = [f"name: {quoted(entry.name)}", f"description: {quoted(what, ensure_ascii=False)}"]
    if entry.env:
        lines.append("env:")
        lines += [f"  {name}: {quoted(_plain(value), ensure_ascii=False)}"
                  for name, value in entry.env.items()]  # fmt: skip
    lines += ["triggers:", f"  - schedule: {quoted(entry.schedule)}"]
    if entry.zone:
        lines.append(f"    timezone: {quoted(entry.zone)}")
    if entry.jitter_min:
        lines.append(f"    jitter: {entry.jitter_min}m")
    lines += ["    overlap: allow", "steps:", "  - id: job"]
    lines.append(f"    shell: {quoted(SHELLS.get(entry.shell, entry.shell))}")
    command = entry.command
    if entry.stdin:
        mark = "WINGMAN_STDIN"
        command = f"({command}) <<'{mark}'\n{entry.stdin}{mark}"
    lines.append("    run: |")
    if not re.match(r"\s*cd\s+/", command):
        lines.append("      cd  # cron starts it in the home directory")
    lines += [f"      {line}".rstrip() for line in _plain(command).split("\n")]
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    """A text in which `${{` is no expression."""
    return text.replace("${{", "$ {{")
