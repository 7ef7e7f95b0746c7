"""The audit's seal: signed checkpoints outside of the database, and the check of all of it.

A checkpoint says: the chain had so many lines then, and the last one this hash. It is signed with a
key beside `config.toml` (0600), and appended to a file there: who can only change the data
directory can forge neither, so that an edit, a deletion, or an end that was cut off is found.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.errors import StorageError
from engine.journal.chain import BEGIN, Head, Line, link
from engine.journal.journal import Journal

CHECKPOINT_S = 60.0
KEY_FILE, CHECKPOINT_FILE = "audit.key", "audit.checkpoints"


class Seal:
    """The key and the checkpoints of one home."""

    def __init__(self, folder: Path) -> None:
        self._key_file = folder / KEY_FILE
        self._file = folder / CHECKPOINT_FILE

    def write(self, head: Head, at_us: int) -> None:
        """Append a checkpoint, synced."""
        signature = base64.b64encode(self._key().sign(_signed(head, at_us))).decode("ascii")
        row = {"seq": head.seq, "hash": head.hash, "at_us": at_us, "signature": signature}
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        with open(os.open(self._file, flags, 0o600), "ab") as file:
            file.write(json.dumps(row).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def checkpoints(self) -> Iterator[tuple[Head, str]]:
        """Every checkpoint, with what is wrong with it, else nothing."""
        from cryptography.exceptions import InvalidSignature

        try:
            rows = self._file.read_bytes().splitlines()
        except FileNotFoundError:
            return
        public = self._key().public_key()
        for number, text in enumerate(rows, 1):
            try:
                row = json.loads(text)
                head = Head(int(row["seq"]), str(row["hash"]))
                public.verify(base64.b64decode(row["signature"]), _signed(head, row["at_us"]))
            except (ValueError, LookupError, TypeError, InvalidSignature):
                yield Head(0, BEGIN), f"checkpoint {number} of {self._file} is forged or damaged"
            else:
                yield head, ""

    def _key(self) -> Any:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        try:
            return Ed25519PrivateKey.from_private_bytes(
                base64.b64decode(self._key_file.read_bytes().strip(), validate=True)
            )
        except FileNotFoundError:
            pass
        except (OSError, ValueError) as error:
            raise StorageError(f"the key of the audit {self._key_file}: {error}") from None
        seed = os.urandom(32)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with open(os.open(self._key_file, flags, 0o600), "wb") as file:
            file.write(base64.b64encode(seed) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        return Ed25519PrivateKey.from_private_bytes(seed)


class Auditor:
    """Writes checkpoints while lines are added: a minute after the first, and at the end."""

    def __init__(self, journal: Journal, seal: Seal, now_us: Any, report: Any) -> None:
        self._journal = journal
        self._seal = seal
        self._now_us = now_us
        self._report = report
        self._timer: asyncio.TimerHandle | None = None
        self._written = journal.chain.head
        journal.on_audit = self._added

    def _added(self) -> None:
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(CHECKPOINT_S, self._due)

    def _due(self) -> None:
        self._timer = None
        head, loop = self._journal.chain.head, asyncio.get_running_loop()

        def durable() -> None:
            loop.run_in_executor(None, self._write, head)

        self._journal.when_durable(durable)

    def close(self) -> None:
        """The last checkpoint; the journal is closed, all of it is on the disk."""
        if self._timer is not None:
            self._timer.cancel()
        if self._journal.chain.head != self._written:
            self._write(self._journal.chain.head)

    def _write(self, head: Head) -> None:
        try:
            self._seal.write(head, self._now_us())
            self._written = head
        except (OSError, StorageError) as error:
            self._report(f"error: no checkpoint of the audit could be written: {error}")


def check(lines: list[Line], seal: Seal) -> dict[str, Any]:
    """What is wrong with an audit: all of it, the first of each kind with its place."""
    problems: list[str] = []
    before, expected = BEGIN, 1
    hashes: dict[int, str] = {}
    for line in lines:
        if line.seq != expected:
            missing = f"{expected}" if line.seq == expected + 1 else f"{expected} to {line.seq - 1}"
            problems.append(f"line {missing} is missing")
        elif link(before, line).hash != line.hash:
            problems.append(f"line {line.seq} was changed, or one before it")
        hashes[line.seq] = line.hash
        before, expected = line.hash, line.seq + 1
    checkpoints = 0
    cut: Head | None = None
    for head, wrong in seal.checkpoints():
        checkpoints += 1
        if wrong:
            problems.append(wrong)
        elif head.seq >= expected:
            cut = head
        elif head.seq and hashes.get(head.seq) not in (None, head.hash):
            problems.append(f"line {head.seq} is not what a checkpoint says: all was written anew")
    if cut is not None:
        problems.append(
            f"the end is missing: there were {cut.seq} lines, there are {expected - 1} "
            "(or an older backup was restored)"
        )
    return {
        "lines": len(lines),
        "checkpoints": checkpoints,
        "problems": list(dict.fromkeys(problems)),
    }


def _signed(head: Head, at_us: int) -> bytes:
    return f"wingman-audit-1 {head.seq} {head.hash} {at_us}".encode("ascii")
