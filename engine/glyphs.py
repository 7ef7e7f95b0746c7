"""Whether characters beyond ASCII can be shown: what the locale and the terminal's name say."""

from __future__ import annotations

import sys
from collections.abc import Mapping

LIMITED = ("dumb", "linux", "vt")  # the Linux console's fonts have few glyphs beyond Latin
NO_LOCALE = ("C", "POSIX")
COERCED = "C.UTF-8"  # by Python itself, which prints UTF-8 under any locale


def shows_glyphs(encoding: str, environ: Mapping[str, str]) -> bool:
    """Whether what is printed in this encoding is shown as meant; no locale at all says nothing."""
    if encoding.lower().replace("-", "").replace("_", "") != "utf8":
        return False
    return not environ.get("TERM", "").startswith(LIMITED) and _locale_allows(environ)


def _locale_allows(environ: Mapping[str, str]) -> bool:
    kind = environ.get("LC_CTYPE", "")
    if kind == COERCED and sys.flags.utf8_mode:
        kind = ""
    name = environ.get("LC_ALL") or kind or environ.get("LANG", "")
    if name in NO_LOCALE:
        return False
    codeset = name.partition("@")[0].partition(".")[2]
    return codeset.lower().replace("-", "") in ("", "utf8")
