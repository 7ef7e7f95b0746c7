"""The process that carries one message out: `{"urls", "title", "text", "kind", "key", …}` on stdin.

Started for each message and gone after it, so that the engine never loads what it needs. Prints
`{"n", "error"}` for each address as soon as it has answered: one that hangs holds up none. What may
be secret in an error, the engine hides.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from engine.alerts import webhook

KEY_HEADER = "X-Wingman-Alert"  # the same for each try: what came twice can be told
KINDS = {"failed": "failure", "not_started": "failure", "completed": "success",
         "recovered": "success"}  # fmt: skip
LONGEST_ERROR = 500
AT_ONCE = 8
_answering = threading.Lock()


class Sayings(logging.Handler):
    """What is said while an address is tried, by the thread that tries it."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._said: defaultdict[int, list[str]] = defaultdict(list)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        self._said[record.thread or 0].append(record.getMessage())

    def taken(self) -> str:
        """All that this thread has said, on one line, the newest last."""
        said = self._said.pop(threading.get_ident(), [])
        return " ".join(" ".join(said).split())[-LONGEST_ERROR:]


def send(url: str, order: dict[str, Any], sayings: Sayings) -> str:
    """Send it to an address; what went wrong, or nothing."""
    if webhook.is_webhook(url):
        return webhook.send(url, order, {KEY_HEADER: order["key"]})
    import apprise

    plugin: Any = apprise.Apprise.instantiate(url)
    if plugin is None:
        return f"the address cannot be used: {sayings.taken()}"
    if isinstance(getattr(plugin, "headers", None), dict):
        plugin.headers[KEY_HEADER] = order["key"]
    kind = KINDS.get(order["kind"], "warning")
    if not plugin.notify(body=order["text"], title=order["title"], notify_type=kind):
        return sayings.taken() or "it was refused"
    sayings.taken()
    return ""


def _try(n: int, url: str, order: dict[str, Any], sayings: Sayings) -> None:
    try:
        error = send(url, order, sayings)
    except Exception as fault:  # of a plugin: the others are told all the same
        error = f"{type(fault).__name__}: {fault}"[:LONGEST_ERROR]
    with _answering:
        sys.stdout.write(json.dumps({"n": n, "error": error}) + "\n")
        sys.stdout.flush()


def main() -> None:
    """Read one order, carry it out, answer."""
    order, sayings = json.load(sys.stdin), Sayings()
    logging.getLogger("apprise").addHandler(sayings)
    with ThreadPoolExecutor(AT_ONCE) as threads:
        for n, url in enumerate(order["urls"]):
            threads.submit(_try, n, url, order, sayings)
    sys.stdout.flush()
    os._exit(0)  # what a plugin left behind holds nothing up
