"""The process that carries one delivery out: `{"urls", "title", "text", "kind", "key"}` on stdin.

Started for each delivery and gone after it, so that the engine never loads what it needs. Prints
`{"error"}`; what may be secret in it, the engine hides.
"""

from __future__ import annotations

import json
import sys
from typing import Any

KEY_HEADER = "X-Wingman-Alert"  # the same for each try: what came twice can be told
KINDS = {"failed": "failure", "not_started": "failure", "completed": "success",
         "recovered": "success"}  # fmt: skip
LONGEST_ERROR = 500


def send(order: dict[str, Any]) -> str:
    """Send it to each address; what went wrong, or nothing."""
    import logging

    import apprise

    capture: Any = apprise.LogCapture
    with capture(level=logging.WARNING, fmt="%(message)s") as said:
        for url in order["urls"]:
            plugin: Any = apprise.Apprise.instantiate(url)
            if plugin is None:
                return f"an address cannot be used: {_last(said)}"
            if isinstance(getattr(plugin, "headers", None), dict):
                plugin.headers[KEY_HEADER] = order["key"]
            kind = KINDS.get(order["kind"], "warning")
            if not plugin.notify(body=order["text"], title=order["title"], notify_type=kind):
                return _last(said) or "it was refused"
    return ""


def _last(said: Any) -> str:
    """The last thing that was said of it, on one line."""
    return " ".join(said.getvalue().split())[-LONGEST_ERROR:]


def main() -> None:
    """Read one order, carry it out, answer."""
    answer = {"error": send(json.load(sys.stdin))}
    sys.stdout.write(json.dumps(answer))
