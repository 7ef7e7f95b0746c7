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
_TAKEN = ("PATH", "IFS", "ENV", "BASH_ENV")
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
        self.shell = "/bin/sh"
        self.env: dict[str, str] = {}
        self.notes: list[str] = []
        self.comment = ""
        self.name = ""


def read(text: str, has_users: bool) -> Iterator[Entry | tuple[int, str]]:
    """Each job, and (line, note) for what is none and cannot be carried over."""
    env: dict[str, str] = {}
    comment = ""
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            comment = stripped.lstrip("# ") if stripped else ""
            continue
        variable = _VARIABLE.fullmatch(line)
        job = _JOB.fullmatch(line)
        if variable and not (job and line[:1].isdigit()):
            name = next(part for part in variable.groups()[:3] if part is not None)
            env[name] = _unquoted(variable[4])
            continue
        if job is None:
            yield number, f"is no line of a crontab: {stripped[:60]}"
            continue
        yield _entry(number, job[1], job[2], env, has_users, comment)
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
    _variables(entry, env)
    return entry


def _percent(text: str) -> tuple[str, str]:
    r"""The command, and the input that `%` begins; `\%` is a percent sign."""
    parts = re.split(r"(?<!\\)%", text)
    plain = [part.replace("\\%", "%") for part in parts]
    return plain[0].strip(), "".join(f"{part}\n" for part in plain[1:])


def _variables(entry: Entry, env: dict[str, str]) -> None:
    """What the variables above mean for the flow."""
    for name, value in env.items():
        if name == "MAILTO":
            if value:
                entry.notes.append(f"MAILTO={value}: nobody is mailed; its log keeps the output")
        elif name in ("CRON_TZ", "TZ"):
            entry.zone = value
        elif name == "SHELL":
            entry.shell = value
        elif name in ("HOME", "LOGNAME", "USER", "MAILFROM", "CONTENT_TYPE"):
            if name == "HOME":
                entry.notes.append(f"HOME={value}: steps run in a directory of their own")
        elif name == "RANDOM_DELAY":
            entry.notes.append(f"RANDOM_DELAY={value}: write jitter: {value}m into its trigger")
        elif name in _TAKEN or not _ENV_NAME.fullmatch(name) or name.startswith("WINGMAN_"):
            if name == "PATH":
                entry.env[name] = value
            else:
                entry.notes.append(f"{name}: no variable that a flow may set")
        else:
            entry.env[name] = value
    if entry.user:
        entry.notes.append(f"user {entry.user}: it runs as the engine's user")


def name_of(entry: Entry, taken: set[str]) -> str:
    """A name for its flow: from what it runs, unlike the others'."""
    words = [part for part in re.split(r"[\s;&|<>()'\"=]+", entry.command) if part]
    program = next((word for word in words if _WORD.search(word) and word not in
                    ("test", "cd", "[", "root", "if", "nice", "ionice", "flock", "sudo", "env")
                    and not word.startswith("-")), "job")  # fmt: skip
    stem = program.rstrip("/").rpartition("/")[2].partition(".")[0]
    plain = "-".join(_WORD.findall(stem.lower()))[:50] or "job"
    number, name = 1, plain
    while name in taken:
        number += 1
        name = f"{plain}-{number}"
    taken.add(name)
    return name


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
    lines += ["    overlap: allow", "steps:", "  - id: job", "    timeout: 1d"]
    lines.append(f"    shell: {quoted(SHELLS.get(entry.shell, entry.shell))}")
    command = entry.command
    if entry.stdin:
        mark = "WINGMAN_STDIN"
        command = f"({command}) <<'{mark}'\n{entry.stdin}{mark}"
    lines.append("    run: |")
    lines += [f"      {line}".rstrip() for line in _plain(command).split("\n")]
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    """A text in which `${{` is no expression."""
    return text.replace("${{", "$ {{")
