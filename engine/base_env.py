"""What steps get of the engine's own environment, before the flow's and the step's."""

from __future__ import annotations

import os

ENVIRONMENT_PASSED = ("PATH", "HOME", "LANG", "TZ", "TERM")
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def base_environment(passthrough: list[str]) -> dict[str, str]:
    """A short list, and what the configuration adds to it."""
    names = (*ENVIRONMENT_PASSED, *passthrough)
    found = {name: os.environ[name] for name in names if name in os.environ}
    found.setdefault("PATH", DEFAULT_PATH)
    if os.environ.get("LC_ALL") and "LC_ALL" not in found:
        found["LANG"] = os.environ["LC_ALL"]  # what it overrules would be another language
    return found
