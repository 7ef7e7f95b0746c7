"""The secrets of one engine: opened once into memory, every change journaled before it is answered.

A value that is replaced or removed is still masked in executions that began before: their steps may
print it; and in a support bundle, whose lines may be older. It is kept, sealed, for thirty days,
and while such an execution is open; an engine that starts forgets what is older.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

from engine.clock import Clock
from engine.errors import UnknownReference, UsageError
from engine.flowfile.names import wrong_secret_name
from engine.journal.database import queries
from engine.journal.journal import Journal
from engine.runner.mask_forms import SHORTEST_VALUE
from engine.sensitive import Sensitive
from engine.times import to_text

FORMER_US = 30 * 86_400_000_000  # how long a value that nobody gets any more is known
LONGEST_VALUE_BYTES = 64 << 10  # the kernel takes 128 KiB for a variable, its name included


class Secret(NamedTuple):
    """One secret as it is kept."""

    sealed: str
    set_at_us: int
    set_by: str


class Former(NamedTuple):
    """A value that is not given to anybody any more, and until when it was."""

    name: str
    sealed: str
    until_us: int


class Secrets:
    """What `wingman secret` keeps; values leave only towards steps, signatures and maskers."""

    def __init__(self, sensitive: Sensitive, journal: Journal, clock: Clock) -> None:
        self._sensitive = sensitive
        self._journal = journal
        self._clock = clock
        self._kept: dict[str, Secret] = {}
        self._former: list[Former] = []
        self._opened: dict[str, str] = {}  # by sealed text
        self.on_change: Callable[[str], None] = lambda name: None
        self._load()

    def _load(self) -> None:
        connection = self._journal.reader()
        try:
            for name, *rest in connection.execute(queries()["secrets"]):
                self._kept[name] = Secret(*rest)
            self._former = [Former(*row) for row in connection.execute(queries()["former_secrets"])]
        finally:
            connection.close()

    # -- what others ask -------------------------------------------------------------------

    def value(self, name: str) -> str:
        """A secret by its name. Raises UnknownReference, StorageError."""
        kept = self._kept.get(name)
        if kept is None:
            raise UnknownReference(f"there is no secret {name}", f"wingman secret set {name}")
        return self._open(name, kept.sealed)

    def of(self, definition: dict[str, Any]) -> dict[str, str]:
        """The values of the secrets that a flow declares; what is not there is left out."""
        return {name: self.value(name) for name in definition["secrets"] if name in self._kept}

    def missing(self, definition: dict[str, Any]) -> list[str]:
        """The declared secrets that nobody has set."""
        return [name for name in definition["secrets"] if name not in self._kept]

    def texts(self, definition: dict[str, Any], since_us: int) -> tuple[str, ...]:
        """What to mask in an execution that began at this moment: present and former values."""
        if not definition["secrets"]:
            return ()
        found = list(self.of(definition).values())
        found += [
            self._open(former.name, former.sealed)
            for former in self._former
            if former.name in definition["secrets"] and former.until_us >= since_us
        ]
        return tuple(dict.fromkeys(found))

    def seal_derived(self, execution_id: str, values: list[str]) -> str:
        """Values that a step has derived, as the journal may keep them."""
        return self.seal_texts(f"{execution_id}#derived", values)

    def open_derived(self, execution_id: str, sealed: str) -> tuple[str, ...]:
        """The same again. Raises StorageError."""
        return self.open_texts(f"{execution_id}#derived", sealed)

    def seal_texts(self, context: str, values: list[str]) -> str:
        """Texts that hold secrets, as the journal may keep them. Raises StorageError."""
        return self._sensitive.vault.seal(values, _context(context))

    def open_texts(self, context: str, sealed: str) -> tuple[str, ...]:
        """The same again. Raises StorageError."""
        return tuple(self._sensitive.vault.open(sealed, _context(context)))

    def all_texts(self) -> list[str]:
        """Every value that is known, present and former: for masking alone."""
        present = [self.value(name) for name in self._kept]
        return present + [self._open(one.name, one.sealed) for one in self._former]

    def rows(self) -> list[dict[str, Any]]:
        """Names, ages and who set them; never a value."""
        return [
            {"name": name, "set_at": to_text(kept.set_at_us), "set_by": kept.set_by}
            for name, kept in sorted(self._kept.items())
        ]

    # -- changes ---------------------------------------------------------------------------

    async def set(self, name: str, value: str, actor: str) -> dict[str, Any]:
        """Keep a value under a name; steps that start from now on get it."""
        _check(name, value)
        now_us = self._clock.now_us()
        replaced = name in self._kept
        if replaced and self.value(name) != value:
            self._retire(name, now_us)
        kept = Secret(self._sensitive.vault.seal(value, _context(name)), now_us, actor)
        self._kept[name] = kept
        self._journal.add_row("upsert_secret", [name, *kept])
        self._journal.add_audit(now_us, actor, "secret set", name, "replaced" if replaced else "")
        self.on_change(name)
        await self._journal.durable()
        return {"name": name, "replaced": replaced}

    async def remove(self, name: str, actor: str) -> dict[str, Any]:
        """Forget a secret; steps that start from now on have to do without."""
        self.value(name)
        now_us = self._clock.now_us()
        self._retire(name, now_us)
        del self._kept[name]
        self._journal.add_row("delete_secret", [name])
        self._journal.add_audit(now_us, actor, "secret rm", name, "")
        self.on_change(name)
        await self._journal.durable()
        return {"name": name}

    async def rotate(self, actor: str) -> dict[str, Any]:
        """Seal every value anew, under a new key."""
        renewed = await asyncio.to_thread(self._sensitive.vault.renewed)
        values = {name: self.value(name) for name in self._kept}
        former = [self._open(one.name, one.sealed) for one in self._former]
        self._sensitive.vault.take(renewed)
        for name, value in values.items():
            sealed = self._sensitive.vault.seal(value, _context(name))
            self._kept[name] = self._kept[name]._replace(sealed=sealed)
            self._journal.add_row("upsert_secret", [name, *self._kept[name]])
        self._journal.add_row("delete_former_secrets", [1 << 62])
        self._former = [
            one._replace(sealed=self._sensitive.vault.seal(value, _context(one.name)))
            for one, value in zip(self._former, former, strict=True)
        ]
        for one in self._former:
            self._journal.add_row("insert_former_secret", list(one))
        self._opened.clear()
        self._journal.add_audit(self._clock.now_us(), actor, "secret rotate", "", "")
        await self._journal.durable()
        return {"secrets": len(values)}

    def forget_former(self, oldest_open_us: int | None) -> None:
        """Drop the former values that are old, and that no open execution can know."""
        limit_us = self._clock.now_us() - FORMER_US
        limit_us = limit_us if oldest_open_us is None else min(limit_us, oldest_open_us)
        if any(one.until_us < limit_us for one in self._former):
            self._former = [one for one in self._former if one.until_us >= limit_us]
            self._journal.add_row("delete_former_secrets", [limit_us])

    def _retire(self, name: str, now_us: int) -> None:
        former = Former(name, self._kept[name].sealed, now_us)
        self._former.append(former)
        self._journal.add_row("insert_former_secret", list(former))

    def _open(self, name: str, sealed: str) -> str:
        found = self._opened.get(sealed)
        if found is None:
            found = self._opened[sealed] = str(self._sensitive.vault.open(sealed, _context(name)))
        return found


def _context(name: str) -> str:
    return f"secret/{name}"


def _check(name: str, value: str) -> None:
    """Raises UsageError for what cannot be a secret."""
    wrong = wrong_secret_name(name)
    if wrong:
        raise UsageError(*wrong)
    if len(value.strip()) < SHORTEST_VALUE:
        raise UsageError(
            f"the value of {name} is shorter than {SHORTEST_VALUE} characters",
            "so short a text occurs everywhere and cannot be masked",
        )
    if "\0" in value:
        raise UsageError(f"the value of {name} holds a NUL", "no environment can hold one")
    if len(value.encode("utf-8", "surrogatepass")) > LONGEST_VALUE_BYTES:
        raise UsageError(
            f"the value of {name} is larger than {LONGEST_VALUE_BYTES >> 10} KiB",
            "keep it in a file that only the step's user can read",
        )
