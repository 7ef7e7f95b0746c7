"""What the top line tells of where we are: host and server, who we are, and the connection."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from wingman_tui.action import ROLES
from wingman_tui.format import age
from wingman_tui.sanitise import clean

if TYPE_CHECKING:
    from wingman_tui.session import Session
    from wingman_tui.view import View


def connection_words(session: Session, view: View, rate: str) -> tuple[str, str]:
    """The connection to the server that is meant, and the role it is painted by."""
    if session.is_live:
        return (view.glyph("● live", "* live") + rate, "good")
    if session.last_seen is None:
        return ("no engine" if session.problem else "connecting", "warning")
    gone = age(time.time() - session.last_seen)
    # the one at home may have been stopped on purpose: it is not started behind anybody's back
    what = "S starts it" if session.server is None else "reconnecting"
    return (f"{view.glyph('✗', 'x')} engine gone {gone}, {what}", "badge_alert")


def host_words(session: Session, host: str) -> str:
    """This machine, and who we are on it; far away that stands beside the server's name."""
    user = str(session.me.get("user") or "") if session.server is None else ""
    return f"{clean(user)}@{host}" if user else host


def server_words(session: Session) -> str:
    """The server far away, and who we are there."""
    link, me = session.link, session.me
    if link.is_archive:
        return "ARCHIVE"
    kind = str(me.get("environment") or "")
    if link.server is None and not session.is_several:
        return clean(kind)
    name = link.name if kind in ("", link.name) else f"{link.name} ({kind})"
    return clean(name + (f" {me['user']}:{me['role']}" if me else ""))


def is_read_only(session: Session) -> bool:
    """Whether nothing can be changed there, by us."""
    return session.link.is_archive or session.link.role == ROLES[0]
