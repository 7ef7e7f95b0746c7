"""The key of secrets at rest from where an operator keeps it: `key_command` of `config.toml`.

The command prints a key a line, newest first: one that `wingman` made (`wingman-key-1:…`, out of a
keyring or a vault), or a passphrase, which `scrypt` (RFC 7914) makes a key of with the salt beside
`config.toml`. It is run when the engine starts and when the key is rotated, without a terminal.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import subprocess
from pathlib import Path

from engine.errors import StorageError
from engine.vault import make_once

COMMAND_TIMEOUT_S = 60.0  # `systemd-ask-password` waits for a person
SALT_FILE = "key.salt"
SALT_BYTES = 16
SHORTEST_PASSPHRASE = 12  # characters; whoever has the data can try as many as they like
SCRYPT_N, SCRYPT_R, SCRYPT_P = 1 << 15, 8, 1  # 32 MiB and some 0.1 s a try
SCRYPT_MEMORY_BYTES = 64 << 20


def printed_keys(command: str) -> list[bytes]:
    """The lines that the command prints, never empty. Raises StorageError."""
    hint = "key_command of config.toml: try it in a shell; it is to print the key and nothing else"
    try:
        done = subprocess.run(
            shlex.split(command), stdin=subprocess.DEVNULL, capture_output=True, check=False,
            timeout=COMMAND_TIMEOUT_S,
        )  # fmt: skip
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise StorageError(f"the key could not be asked for: {error}", hint) from None
    lines = [line for line in done.stdout.split(b"\n") if line.strip()]
    if done.returncode or not lines:
        said = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        why = said[:200] or "it printed nothing"
        raise StorageError(f"the command for the key ended with {done.returncode}: {why}", hint)
    return lines


def key_of_passphrase(phrase: bytes, folder: Path) -> bytes:
    """32 bytes from a passphrase and the salt in `folder`, which is made when there is none."""
    if len(phrase.decode("utf-8", "replace")) < SHORTEST_PASSPHRASE:
        raise StorageError(
            f"the passphrase of key_command is shorter than {SHORTEST_PASSPHRASE} characters",
            "take a longer one, or a key out of a keyring",
        )
    return hashlib.scrypt(
        phrase, salt=_salt(folder / SALT_FILE), n=SCRYPT_N, r=SCRYPT_R, p=SCRYPT_P,
        maxmem=SCRYPT_MEMORY_BYTES, dklen=32,
    )  # fmt: skip


def _salt(path: Path) -> bytes:
    """The salt of this home, the same for whoever is first to make it. It is no secret."""
    try:
        salt = bytes.fromhex(path.read_text("ascii"))
    except FileNotFoundError:
        return _make_salt(path)
    except (OSError, ValueError) as error:
        raise StorageError(f"{path} cannot be read: {error}", "restore it") from None
    if len(salt) != SALT_BYTES:
        raise StorageError(f"{path} is damaged", "restore it from where you keep it")
    return salt


def _make_salt(path: Path) -> bytes:
    try:
        make_once(path, os.urandom(SALT_BYTES).hex().encode("ascii"))
    except OSError as error:
        raise StorageError(f"{path} cannot be made: {error.strerror}") from None
    return _salt(path)
