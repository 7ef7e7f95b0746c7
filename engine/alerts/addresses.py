"""What the addresses of a channel have said of one message, and which get it again. Pure.

People see an address by the name of its secret or by its kind (`ntfy`), never as it is.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

REFERENCE = re.compile(r"\$\{secret:([A-Za-z_][A-Za-z0-9_]{0,62})\}")
TERMINAL = "terminal:"  # begins the address of the consoles that are attached
NO_CONSOLE = "no console is attached that tells alerts (`notify` in its [console])"
KIND = re.compile(r"([A-Za-z][A-Za-z0-9]{0,19})://")
Said = dict[str, str]  # {"address", "state": sent | waiting | absent, "error"}


class Outcome(NamedTuple):
    """What became of one try: the same for a channel of one address and of many."""

    said: list[Said]
    taken: list[str]  # the addresses, as config.toml has them, that have it now
    error: str  # why it is to be tried again; empty where it is not


def labels(addresses: Sequence[str]) -> list[str]:
    """What the addresses of a channel are called, numbered where several are called so."""
    names = [_label(address) for address in addresses]
    alike = Counter(names)
    seen: Counter[str] = Counter()
    found = []
    for name in names:
        seen[name] += 1
        found.append(f"{name} {seen[name]}" if alike[name] > 1 else name)
    return found


def _label(address: str) -> str:
    whole = REFERENCE.fullmatch(address)
    if whole:
        return whole.group(1)
    kind = KIND.match(address)  # what has none may be a secret as a whole
    return kind.group(1) if kind else "an address"


def outcome(
    addresses: Sequence[str], taken: Sequence[str], errors: Mapping[str, str], told: bool
) -> Outcome:
    """What the addresses have said.

    `taken` had it before, `errors` tells of those that were tried now, `told` whether a console was
    there. Beside other addresses a console is a courtesy: nothing waits for one.
    """
    has_others = any(not address.startswith(TERMINAL) for address in addresses)
    said, have, wrong = [], [], []
    for address, name in zip(addresses, labels(addresses), strict=True):
        error, state = errors.get(address, ""), "sent"
        if address.startswith(TERMINAL) and address not in taken and not told:
            error, state = NO_CONSOLE, "absent" if has_others else "waiting"
        elif error and address not in taken:
            state = "waiting"
        else:
            error = ""
            have.append(address)
        if state == "waiting":
            wrong.append(f"{name}: {error}" if len(addresses) > 1 else error)
        said.append({"address": name, "state": state, "error": error})
    if wrong and have:
        wrong.append(f"{len(have)} of {len(addresses)} addresses took it")
    return Outcome(said, have, "; ".join(wrong))


def given_up(said: Sequence[Said]) -> list[Said]:
    """The same, once nothing is tried any more."""
    return [{**one, "state": "failed"} if one["state"] == "waiting" else one for one in said]
