"""Named moments at which a test may have the engine die; nothing in production. Pure stdlib.

`WINGMAN_FAILPOINT=name:3` kills this process with SIGKILL when the moment `name` is reached for the
third time.
"""

from __future__ import annotations

import os
import signal

_name, _, _count = os.environ.get("WINGMAN_FAILPOINT", "").partition(":")
_left = int(_count) if _count.isdigit() else 1
NAMES = ("decided", "journaled", "started", "end_received", "end_journaled", "recovered")
# "bundled": what an alert's message tells is decided; "delivered": it was sent, and that is not
# recorded yet
REMOVAL_NAMES = ("left_lists", "records_removed")  # reached where retention removes something
PUSH_NAMES = ("push_journaled", "push_replaced")  # reached where a flow's file is replaced
CHILD_NAMES = ("child_starting", "child_started")  # reached where a step calls a flow


def reach(name: str) -> None:
    """This moment is reached."""
    global _left
    if name != _name:
        return
    _left -= 1
    if _left <= 0:
        os.kill(os.getpid(), signal.SIGKILL)
