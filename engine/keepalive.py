"""Lines of which nobody hears that they have broken. Standard library only.

A router that has forgotten a connection tells nobody, and who waits for an answer would wait for
ever: the kernel is to ask a silent line whether its other end is still there.
"""

from __future__ import annotations

import contextlib
import socket

ASKED_EACH_S, ASKED_TIMES = 5, 3
# macOS has another name for the first; it has none for how long sent bytes may stay unconfirmed
_IDLE = getattr(socket, "TCP_KEEPIDLE", getattr(socket, "TCP_KEEPALIVE", None))
_UNCONFIRMED = getattr(socket, "TCP_USER_TIMEOUT", None)


def keep_alive(raw: socket.socket, idle_s: int) -> None:
    """Give a line up `idle_s` and 15 s after its other end was heard last, whoever is silent."""
    patience_ms = 1000 * (idle_s + ASKED_EACH_S * ASKED_TIMES)
    wanted = (
        (_IDLE, idle_s),
        (getattr(socket, "TCP_KEEPINTVL", None), ASKED_EACH_S),
        (getattr(socket, "TCP_KEEPCNT", None), ASKED_TIMES),
        (_UNCONFIRMED, patience_ms),
    )
    with contextlib.suppress(OSError):
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in wanted:
            if option is not None:
                raw.setsockopt(socket.IPPROTO_TCP, option, value)
