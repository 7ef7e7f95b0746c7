"""Sensitive inputs at rest: AES-256-GCM under a key that lies outside the data directory.

The engine seals a sensitive input before the journal sees it and opens it when an attempt starts.
The context (execution and input) is authenticated with the value, so that a sealed text moved to
another place does not open. The key is made when it is first needed; losing the key file loses the
sealed values, and a copy of the data directory without it gives nothing away.
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


class Vault:
    """Seals and opens values under the key of one file."""

    def __init__(self, key_file: Path) -> None:
        self._key_file = key_file
        self._cipher: AESGCM | None = None

    def seal(self, value: Any, context: str) -> str:
        """A text that holds a JSON value, unreadable without the key and bound to its context."""
        cipher = self._load(create=True)
        nonce = os.urandom(NONCE_BYTES)
        data = json.dumps(value, separators=(",", ":")).encode("utf-8")
        sealed = cipher.encrypt(nonce, data, context.encode("utf-8"))
        return PREFIX + base64.urlsafe_b64encode(nonce + sealed).decode("ascii")

    def open(self, text: str, context: str) -> Any:
        """The value that `seal` took, or StorageError."""
        from cryptography.exceptions import InvalidTag

        if not is_sealed(text):
            raise StorageError(f"the value of {context} is not sealed")
        try:
            data = base64.b64decode(text[len(PREFIX) :], altchars=b"-_", validate=True)
        except ValueError:
            raise StorageError(f"the sealed value of {context} is damaged") from None
        cipher = self._load(create=False)
        try:
            nonce, sealed = data[:NONCE_BYTES], data[NONCE_BYTES:]
            return json.loads(cipher.decrypt(nonce, sealed, context.encode("utf-8")))
        except (InvalidTag, ValueError):  # ValueError: shorter than a nonce and a tag
            raise StorageError(
                f"the sealed value of {context} cannot be opened",
                f"it is damaged, or {self._key_file} is not the key that it was sealed with",
            ) from None

    def _load(self, *, create: bool) -> AESGCM:
        if self._cipher is None:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM

            self._cipher = AESGCM(self._key(create=create))
        return self._cipher

    def _key(self, *, create: bool) -> bytes:
        try:
            return _read_key(self._key_file)
        except FileNotFoundError:
            if not create:
                raise StorageError(
                    f"the key file {self._key_file} is missing",
                    "restore it: without it, sealed inputs cannot be opened",
                ) from None
        try:
            _create_key(self._key_file)
        except OSError as error:
            raise StorageError(f"the key file {self._key_file} cannot be made: {error}") from None
        return _read_key(self._key_file)


def is_sealed(text: object) -> bool:
    """True for what `Vault.seal` returns."""
    return isinstance(text, str) and text.startswith(PREFIX)


def _read_key(path: Path) -> bytes:
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
        if status.st_mode & 0o077:
            raise StorageError(
                f"the key file {path} can be read by others", f"chmod 600 {path}, if nobody has"
            )
        if status.st_uid != os.geteuid():
            raise StorageError(f"the key file {path} belongs to another user")
        text = os.read(fd, 4096).strip()
    finally:
        os.close(fd)
    return _parse_key(text, path)


def _parse_key(text: bytes, path: Path) -> bytes:
    try:
        key = base64.b64decode(text.removeprefix(KEY_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not text.startswith(KEY_PREFIX) or len(key) != KEY_BYTES:
        raise StorageError(f"the key file {path} is damaged", "restore it from where you keep it")
    return key


def _create_key(path: Path) -> None:
    """Make the key file whole or not at all; if another process was first, keep its key."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    fd = os.open(temporary, flags, 0o600)
    try:
        with open(fd, "wb") as file:
            file.write(KEY_PREFIX + base64.b64encode(os.urandom(KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(fd)
        try:
            os.link(temporary, path)
        except FileExistsError:
            return
    finally:
        os.unlink(temporary)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
