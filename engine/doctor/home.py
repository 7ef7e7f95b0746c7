"""What doctor looks at in a home: who may read it, its settings, journal, disk, and its engine."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from engine import __version__
from engine.doctor.finding import Finding, Verdict
from engine.errors import Unavailable, WingmanError
from engine.paths import Home

MIB = 1024 * 1024
DISK_FAIL_BYTES = 100 * MIB
DISK_WARN_BYTES = 1024 * MIB
DISK_WARN_SHARE = 0.05
SQLITE_HEAD_BYTES = 100
NETWORK_FILE_SYSTEMS = ("nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "afs", "ceph")
OTHERS_WRITE = 0o022
READ, CHANGE = "read", "change"


def home(home: Home) -> Iterator[Finding]:
    hint = "WINGMAN_HOME names another directory"
    if home.root.exists() and not home.root.is_dir():
        yield Finding("home", "fail", f"{home.root} is no directory", hint)
        return
    if not home.root.exists():
        above = _nearest_existing(home.root)
        if above.is_dir() and os.access(above, os.W_OK) and not home.root.is_symlink():
            yield Finding("home", "ok", f"{home.root} (made by the first command)")
        else:
            yield Finding("home", "fail", f"{home.root} cannot be made below {above}", hint)
        return
    private = (home.root, home.data, home.logs, home.work, home.run)
    wrong = [finding for path in private if (finding := _permissions(path, 0o700, "home"))]
    if wrong and wrong[0].message == f"{home.root}{_others_may(home.root, READ)}":
        wrong[0] = replace(wrong[0], verdict="warn")  # all in it is private
    for path in (home.flows, home.config_file):  # what others write there runs as this user
        if path.exists() and (writers := path.stat().st_mode & OTHERS_WRITE):
            verdict: Verdict = "fail" if writers & stat.S_IWOTH else "warn"  # of a group
            message = f"{path}{_others_may(path, CHANGE)}"
            wrong.append(Finding("home", verdict, message, f"chmod go-w {path}"))
    if home.key_file.exists() and (finding := _permissions(home.key_file, 0o600, "key file")):
        wrong.append(finding)
    yield from wrong
    if not wrong:
        yield Finding("home", "ok", f"{home.root}, private to you")


def _others_may(path: Path, what: str) -> str:
    return f" has mode {stat.S_IMODE(path.stat().st_mode):04o}: others may {what} it"


def _permissions(path: Path, allowed: int, name: str) -> Finding | None:
    """What is wrong with who may read this path, if anything is."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    if status.st_uid != os.getuid():
        return Finding(name, "fail", f"{path} belongs to user {status.st_uid}, not to you")
    mode = stat.S_IMODE(status.st_mode)
    if mode & ~allowed:
        hint = f"chmod {allowed:o} {path}"
        what = CHANGE if mode & OTHERS_WRITE else READ
        return Finding(name, "fail", f"{path}{_others_may(path, what)}", hint)
    if not os.access(path, os.W_OK):
        return Finding(name, "fail", f"{path} cannot be written")
    return None


def configuration(home: Home) -> Iterator[Finding]:
    from engine.config import read_config

    try:
        config = read_config(home.config_file)
    except WingmanError as error:
        hint = f"{error.hint}; an engine that runs goes on by the file as it was before"
        yield Finding("config", "fail", error.message, hint.removeprefix("; "))
        return
    there = home.config_file.exists()
    yield Finding("config", "ok", str(home.config_file) if there else "none: all as it comes")
    environment = config.environment
    if environment.names():
        mark = " (production)" if environment.production else ""
        values = ", ".join(environment.values) or "no values"
        name = environment.name or "no name"
        yield Finding("environment", "ok", f"{name}{mark}: {values}")


def journal(home: Home) -> Iterator[Finding]:
    """By the head of its file: to open it is the engine's alone."""
    from engine.journal.migrations import newest_version

    if not home.database.exists():
        yield Finding("journal", "ok", f"{home.database} (made by the engine)")
        return
    with home.database.open("rb") as file:
        head = file.read(SQLITE_HEAD_BYTES)
    version, newest = int.from_bytes(head[60:64], "big"), newest_version()
    if head and not head.startswith(b"SQLite format 3\0"):
        hint = "restore it from a backup; the engine starts a new one where there is none"
        yield Finding("journal", "fail", f"{home.database} is no database", hint)
    elif version > newest:
        message = f"{home.database} is of a newer version (schema {version}, not {newest})"
        hint = "install that version again, or restore a backup from before the upgrade"
        yield Finding("journal", "fail", message, hint)
    elif head and version < newest:  # an engine that runs may not have written it there yet
        message = f"{home.database}, begun with schema {version}; the engine makes it {newest}"
        yield Finding("journal", "ok", message)
    else:
        yield Finding("journal", "ok", f"{home.database}, schema {newest}")


def disk(home: Home) -> Iterator[Finding]:
    path = _nearest_existing(home.data)
    place = os.statvfs(path)
    free_bytes = place.f_bavail * place.f_frsize
    share = place.f_bavail / max(1, place.f_blocks)
    message = f"{free_bytes // MIB:,} MiB free ({share:.0%}) where {home.data} lies"
    hint = "free some space; short of it, new executions are refused (exit code 6) until there is"
    if free_bytes < DISK_FAIL_BYTES:
        yield Finding("disk", "fail", message, hint)
    elif free_bytes < DISK_WARN_BYTES or share < DISK_WARN_SHARE:
        yield Finding("disk", "warn", message, hint)
    else:
        yield Finding("disk", "ok", message)
    if place.f_files and place.f_favail / place.f_files < DISK_WARN_SHARE:
        yield Finding("disk", "warn", f"only {place.f_favail:,} inodes are left", hint)
    kind = _file_system(path)
    if kind in NETWORK_FILE_SYSTEMS:
        hint = "set WINGMAN_HOME to a local disk: locks and syncs of network disks are not reliable"
        yield Finding("disk", "warn", f"{home.data} lies on {kind}", hint)


def _nearest_existing(path: Path) -> Path:
    return next(each for each in (path, *path.parents) if each.exists())


def _file_system(path: Path) -> str:
    """The type of the file system that holds the path, by its longest mount point."""
    best, kind = "", ""
    for line in Path("/proc/self/mounts").read_text(errors="replace").splitlines():
        _, mount, fstype, *_ = line.split(" ")
        inside = str(path.resolve()).startswith(mount.rstrip("/") + "/") or str(path) == mount
        if inside and len(mount) >= len(best):
            best, kind = mount, fstype
    return kind


def engine(home: Home) -> Iterator[Finding]:
    from engine.client.http import Client

    client = Client(home)
    try:
        status = client.request("GET", "/v1/engine", timeout_s=5.0)
    except Unavailable as error:
        if "not answered" in error.message:
            yield Finding("engine", "fail", error.message, f"its log: {home.system_log}")
        else:
            yield Finding("engine", "ok", "does not run; the first command starts it")
        return
    message = f"runs, pid {status['pid']}, version {status['version']}"
    if status["version"] != __version__:
        hint = "wingman engine restart (running steps go on)"
        yield Finding("engine", "warn", f"{message}; this command is {__version__}", hint)
    else:
        yield Finding("engine", "ok", message)
    broken = [f["name"] for f in client.request("GET", "/v1/flows")["flows"] if f["problems"]]
    if broken:
        yield Finding("flows", "warn", f"cannot start: {', '.join(broken)}", "wingman flows")


def socket(home: Home) -> Iterator[Finding]:
    path = home.socket
    if not path.exists():
        yield Finding("socket", "ok", f"{path} (made by the engine)")
        return
    yield _permissions(path, 0o600, "socket") or Finding("socket", "ok", str(path))


def system_log(home: Home) -> Iterator[Finding]:
    from engine.doctor.log import last_trouble

    trouble = last_trouble(home.system_log)
    if trouble:
        yield Finding("system log", "warn", trouble, f"read {home.system_log}")
    elif home.system_log.exists():
        yield Finding("system log", "ok", f"{home.system_log}, no error in its last lines")
