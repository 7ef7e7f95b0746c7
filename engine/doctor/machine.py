"""What doctor looks at on this machine: what is installed, and how the system treats processes."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from engine.doctor.finding import Finding
from engine.paths import Home

OPEN_FILES_WARN = 1024
# what requirements.in names
LIBRARIES = (
    "apprise", "apsw", "common-expression-language", "cronsim", "cryptography", "google-re2",
    "httptools", "httpx", "markdown-it-py", "msgspec", "platformdirs", "PyYAML", "starlette",
    "textual", "tzdata", "uvicorn", "websockets",
)  # fmt: skip


def python(_: Home) -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding("python", "ok", f"{version}, {sys.executable}")


def libraries(_: Home) -> Iterator[Finding]:
    from importlib.metadata import PackageNotFoundError, version

    versions, missing = [], []
    for name in LIBRARIES:
        try:
            versions.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        hint = "pip install --require-hashes -r requirements.lock"
        yield Finding("libraries", "fail", f"not installed: {', '.join(missing)}", hint)
    yield Finding("libraries", "ok", ", ".join(versions))


def sqlite(_: Home) -> Iterator[Finding]:
    import apsw

    yield Finding("sqlite", "ok", f"{apsw.sqlite_lib_version()} (apsw {apsw.apsw_version()})")


def programs(_: Home) -> Iterator[Finding]:
    bash = shutil.which("bash")
    if bash is None:
        yield Finding("bash", "fail", "not found", "`run:` steps need it, or name another `shell:`")
    else:
        yield Finding("bash", "ok", bash)


def containment(_: Home) -> Iterator[Finding]:
    from engine.runner.containment import containment_report

    report = containment_report()
    message = f"{report['summary']}; not found: {report['outside']}"
    if report["subreaper"] and report["marker"]:
        yield Finding("containment", "ok", message)
    else:
        hint = "have steps end their own daemons: a cancel may miss them here"
        yield Finding("containment", "warn", message, hint)


def logout(_: Home) -> Iterator[Finding]:
    """Whether the end of an SSH session ends the engine and its steps."""
    if not Path("/run/systemd/system").exists():
        yield Finding("logout", "ok", "no systemd here: a logout ends nothing")
        return
    import pwd

    user = pwd.getpwuid(os.getuid()).pw_name
    if Path("/var/lib/systemd/linger", user).exists():
        yield Finding("logout", "ok", f"{user} lingers: the engine outlives the session")
    elif _kills_user_processes() and user != "root":
        hint = f"loginctl enable-linger {user}"
        yield Finding("logout", "warn", "a logout kills the engine and every step", hint)
    else:
        yield Finding("logout", "ok", "KillUserProcesses is off: a logout ends nothing")


def _kills_user_processes() -> bool:
    """logind's setting, the last file that names it; off is Debian's default."""
    folders = ("/usr/lib/systemd/logind.conf.d", "/run/systemd/logind.conf.d",
               "/etc/systemd/logind.conf.d")  # fmt: skip
    files = [Path("/etc/systemd/logind.conf")]
    files += sorted((f for d in folders for f in Path(d).glob("*.conf")), key=lambda f: f.name)
    value = ""
    for file in files:
        if file.exists():
            for line in file.read_text(errors="replace").splitlines():
                key, _, given = line.partition("=")
                value = given.strip().lower() if key.strip() == "KillUserProcesses" else value
    return value in ("yes", "true", "1", "on")


def limits(_: Home) -> Iterator[Finding]:
    import resource

    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]  # the runner raises its own to it
    message = f"{hard:,} open files a process at most"
    if hard < OPEN_FILES_WARN and hard != resource.RLIM_INFINITY:
        hint = "LimitNOFILE= of the unit, or limits.conf: each running step takes eight at most"
        yield Finding("limits", "warn", message, hint)
    else:
        yield Finding("limits", "ok", message)
