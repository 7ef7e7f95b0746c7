"""Which of several servers a typed name means: `prod:ship#2`, or `ship#2` where one has it.

A name that several have is nobody's: it is asked which is meant, never guessed. Nothing is done on
the one that has it either while another does not answer, since that may have it, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from engine.client.console import quote
from wingman_tui.lines import Refused
from wingman_tui.link import Link
from wingman_tui.session import Session

UNKNOWN = "unknown_reference"
EXECUTIONS, FLOWS = "executions", "flows"
ONE = {EXECUTIONS: "execution", FLOWS: "flow"}


async def place(session: Session, what: str, name: str, server: str, *, to_act: bool) -> Session:
    """The session of the server on which a name is meant. Raises Refused with what to say.

    `what` is `executions` or `flows`; `to_act` where more is done than to look.
    """
    if server or not session.is_several:
        return session.at(session.named(server) if server else session.link)
    links = session.links
    answers = await asyncio.gather(*(_has(link, what, name) for link in links))
    having = [link for link, has in zip(links, answers, strict=True) if has]
    silent = [link for link, has in zip(links, answers, strict=True) if has is None]
    if len(having) > 1:
        said = " or ".join(f"{link.name}:{name}" for link in having)
        raise Refused(f"{name} is on {_names(having)}: say {said}")
    if not having:
        unsure = f"; {_names(silent)} {_do(silent)} not answer" if silent else ""
        asked = [link for link in links if link not in silent]
        where = f" on {_names(asked)}" if asked else ""
        raise Refused(f"there is no {ONE[what]} {name}{where}{unsure}")
    if silent and to_act:
        raise Refused(
            f"{_names(silent)} {_do(silent)} not answer, and may have {name}, too: "
            f"say {having[0].name}:{name}"
        )
    return session.at(having[0])


async def _has(link: Link, what: str, name: str) -> bool | None:
    """Whether a server has it; None where it does not say."""
    if not link.is_live:
        return None
    try:
        await link.request("GET", f"/v1/{what}/{quote(name)}")
    except Refused as refused:
        return False if refused.code == UNKNOWN else None
    return True


def _names(links: Sequence[Link]) -> str:
    return " and ".join(link.name for link in links)


def _do(links: Sequence[Link]) -> str:
    return "does" if len(links) == 1 else "do"
