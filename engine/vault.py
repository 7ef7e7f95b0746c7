"""Secrets and sensitive inputs at rest: AES-256-GCM under a key outside the data directory.

The engine seals a value before the journal sees it and opens it when an attempt starts. The context
(such as execution and input) is authenticated with the value, so that a sealed text moved to
another place does not open. The key is made when it is first needed; losing it loses the sealed
values, and a copy of the data directory without it gives nothing away.

A key file holds a key a line: the first one seals, all of them open, so that a new key does not
lock away what was sealed before. A systemd credential `wingman.key` goes before the key file, and
what `key_command` prints (`key_source`: a keyring, a passphrase) before both.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import StorageError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

PREFIX = "wmsealed1:"
KEY_PREFIX = b"wingman-key-1:"
KEY_BYTES = 32
NONCE_BYTES = 12
KEYS_LIMIT_BYTES = 1 << 16  # a thousand keys
CREDENTIAL = "wingman.key"


def credential_file() -> Path | None:
    """The key that systemd hands to this service, where its unit has one."""
    directory = os.environ.get("CREDENTIALS_DIRECTORY")
    path = Path(directory, CREDENTIAL) if directory else None
    return path if path is not None and path.exists() else None


class Vault:
    """Seals and opens values under the keys of a command, a systemd credential, or one file."""

    def __init__(self, key_file: Path, command: str = "") -> None:
        self._key_file = key_file
        self._command = command
        self._credential = credential_file()
        self._ciphers: list[AESGCM] = []

    def seal(self, value: Any, context: str) -> str:
        """A text that holds a JSON value, unreadable without the key and bound to its context."""
        cipher = self._load(create=True)[0]
        nonce = os.urandom(NONCE_BYTES)
        data = json.dumps(value, separators=(",", ":")).encode("utf-8")
        sealed = cipher.encrypt(nonce, data, context.encode("utf-8"))
        return PREFIX + base64.urlsafe_b64encode(nonce + sealed).decode("ascii")

    def open(self, text: str, context: str) -> Any:
        """The value that `seal` took, or StorageError."""
        if not is_sealed(text):
            raise StorageError(f"the value of {context} is not sealed")
        body = text[len(PREFIX) :]
        try:
            if not {"+", "/"}.isdisjoint(body):
                raise ValueError  # the decoder takes them for - and _: two texts would be one
            data = base64.b64decode(body, altchars=b"-_", validate=True)
        except ValueError:
            raise StorageError(f"the sealed value of {context} is damaged") from None
        for cipher in self._load(create=False):
            found = _opened(cipher, data, context.encode("utf-8"))
            if found is not None:
                return json.loads(found)
        raise StorageError(
            f"the sealed value of {context} cannot be opened",
            f"it is damaged, or {self._source()} is not the key that it was sealed with",
        )

    def renewed(self) -> list[AESGCM]:
        """What `take` goes over to: a new key, then the former ones. To make it may take its time.

        A credential is systemd's to renew, and what a command prints its owner's: the first line
        is the new key already.
        """
        if self._credential is None and not self._command:
            self._load(create=True)
            _put_first(self._key_file)
        return self._read(create=True)

    def take(self, renewed: list[AESGCM]) -> None:
        """Seal by the first of these from now on, and open by all of them."""
        self._ciphers = renewed

    def ask(self) -> None:
        """Run the command for the key, if there is one, before anything waits for it."""
        if self._command:
            self._load(create=True)

    def _source(self) -> str:
        return "what key_command prints" if self._command else str(self._key_file)

    def _load(self, *, create: bool) -> list[AESGCM]:
        if not self._ciphers:
            self._ciphers = self._read(create=create)
        return self._ciphers

    def _read(self, *, create: bool) -> list[AESGCM]:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return [AESGCM(key) for key in self._keys(create=create)]

    def _keys(self, *, create: bool) -> list[bytes]:
        if self._command or self._credential is not None:
            older = _read_keys(self._key_file) if self._key_file.exists() else []
            if self._credential is not None:
                older = [*_read_keys(self._credential, ours=False), *older]
            return [*self._asked(), *older]
        try:
            return _read_keys(self._key_file)
        except FileNotFoundError:
            if not create:
                raise StorageError(
                    f"the key file {self._key_file} is missing",
                    "restore it: without it, sealed values cannot be opened",
                ) from None
        try:
            make_once(self._key_file, _new_key())
        except OSError as error:
            raise StorageError(f"the key file {self._key_file} cannot be made: {error}") from None
        return _read_keys(self._key_file)

    def _asked(self) -> list[bytes]:
        if not self._command:
            return []
        from engine.key_source import key_of_passphrase, printed_keys

        return [
            _parse_key(line.strip(), "of key_command")
            if line.strip().startswith(KEY_PREFIX)
            else key_of_passphrase(line.strip(b"\r"), self._key_file.parent)
            for line in printed_keys(self._command)
        ]


def _opened(cipher: AESGCM, data: bytes, context: bytes) -> bytes | None:
    """What a key makes of a sealed value; None where it is not the one."""
    from cryptography.exceptions import InvalidTag

    try:
        return cipher.decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], context)
    except (InvalidTag, ValueError):  # ValueError: shorter than a nonce and a tag
        return None


def is_sealed(text: object) -> bool:
    """True for what `Vault.seal` returns."""
    return isinstance(text, str) and text.startswith(PREFIX)


def _read_keys(path: Path, *, ours: bool = True) -> list[bytes]:
    """The keys of a file, newest first; one that systemd made may belong to root."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StorageError(f"the key file {path} cannot be read: {error.strerror}") from None
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise StorageError(f"the key file {path} is no ordinary file")
        if status.st_mode & (0o077 if ours else 0o007):
            raise StorageError(
                f"the key file {path} can be read by others", f"chmod 600 {path}, if nobody has"
            )
        if status.st_uid not in ((os.geteuid(),) if ours else (os.geteuid(), 0)):
            raise StorageError(f"the key file {path} belongs to another user")
        text = os.read(fd, KEYS_LIMIT_BYTES).strip()
    finally:
        os.close(fd)
    return [_parse_key(line.strip(), f"file {path}") for line in text.split(b"\n")]


def _parse_key(text: bytes, whose: str) -> bytes:
    try:
        key = base64.b64decode(text.removeprefix(KEY_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not text.startswith(KEY_PREFIX) or len(key) != KEY_BYTES:
        raise StorageError(f"the key {whose} is damaged", "restore it from where you keep it")
    return key


def _new_key() -> bytes:
    return KEY_PREFIX + base64.b64encode(os.urandom(KEY_BYTES)) + b"\n"


def make_once(path: Path, data: bytes) -> None:
    """Make a private file whole or not at all; if another process was first, keep what it made."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = _written(path, data)
    try:
        os.link(temporary, path)
    except FileExistsError:
        return
    finally:
        os.unlink(temporary)
    _sync_directory(path.parent)


def _put_first(path: Path) -> None:
    """Replace the key file by one with a new key before those that it has."""
    temporary = _written(path, _new_key() + path.read_bytes())
    os.replace(temporary, path)
    _sync_directory(path.parent)


def _written(path: Path, data: bytes) -> Path:
    """A private file beside `path` with this in it, synced."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with open(os.open(temporary, flags, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return temporary


def _sync_directory(path: Path) -> None:
    directory = os.open(path, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
