"""What doctor looks at in the terminal where the console would be."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator

from engine.doctor.finding import Finding
from engine.paths import Home


def terminal(_: Home) -> Iterator[Finding]:
    term = os.environ.get("TERM", "")
    if not sys.stdout.isatty() and not sys.stderr.isatty():
        yield Finding("terminal", "ok", "none here")
        return
    facts = [f"TERM={term or '(not set)'}", f"{_colours(term)} colours"]
    facts += ["tmux"] if os.environ.get("TMUX") else []
    facts += ["screen"] if os.environ.get("STY") else []
    facts += ["over SSH"] if os.environ.get("SSH_CONNECTION") else []
    columns, lines = shutil.get_terminal_size()
    message = ", ".join([*facts, f"{columns}x{lines}"])
    if term in ("", "dumb"):
        hint = "the console needs a terminal that can move its cursor; the commands work"
        yield Finding("terminal", "warn", message, hint)
    elif columns < 60 or lines < 15:
        yield Finding("terminal", "warn", message, "the console wants 60x15, better 80x24")
    else:
        yield Finding("terminal", "ok", message)


def _colours(term: str) -> str:
    if os.environ.get("NO_COLOR"):
        return "no (NO_COLOR)"
    if os.environ.get("COLORTERM", "").lower() in ("truecolor", "24bit"):
        return "16 million"
    return "256" if "256color" in term else "no" if term in ("", "dumb") else "16"


def locale(_: Home) -> Iterator[Finding]:
    named = next((v for k in ("LC_ALL", "LC_CTYPE", "LANG") if (v := os.environ.get(k))), "")
    if "utf8" in named.lower().replace("-", ""):
        yield Finding("locale", "ok", named)
    else:
        hint = "export LANG=C.UTF-8, if your terminal shows it"
        yield Finding("locale", "warn", f"{named or 'not set'}: not UTF-8, signs are ASCII", hint)
