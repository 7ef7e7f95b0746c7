"""The text of a token: `wm_ID_SECRET_CHECK`, shown once; only its digest is kept.

The prefix lets scanners find a token that was published by mistake, the check lets a mistyped one
be told apart from a wrong one. The secret has 256 random bits, so that a plain SHA-256 keeps it.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import zlib

PREFIX = "wm"
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ID_LENGTH, SECRET_LENGTH, CHECK_LENGTH = 8, 43, 6
_TOKEN = re.compile(
    rf"{PREFIX}_([0-9A-Za-z]{{{ID_LENGTH}}})_([0-9A-Za-z]{{{SECRET_LENGTH}}})"
    rf"_([0-9A-Za-z]{{{CHECK_LENGTH}}})"
)
NOBODYS = hashlib.sha256(b"").hexdigest()  # compared with where there is no such token


def new_token() -> tuple[str, str, str]:
    """(the token's id, its whole text, the digest to keep)."""
    id_ = _digits(int.from_bytes(os.urandom(8), "big"), ID_LENGTH)
    secret = _digits(int.from_bytes(os.urandom(34), "big"), SECRET_LENGTH)
    return id_, f"{PREFIX}_{id_}_{secret}_{_check(id_, secret)}", digest_of(secret)


def parts_of(text: str) -> tuple[str, str] | None:
    """(id, secret) of a token's text; None for what is none."""
    found = _TOKEN.fullmatch(text)
    if found is None or found[3] != _check(found[1], found[2]):
        return None
    return found[1], found[2]


def digest_of(secret: str) -> str:
    """What is kept of a token's secret."""
    return hashlib.sha256(secret.encode("ascii")).hexdigest()


def is_digest(secret: str, digest: str) -> bool:
    """Whether a secret belongs to a digest; takes the same time for every answer."""
    return hmac.compare_digest(digest_of(secret), digest)


def _check(id_: str, secret: str) -> str:
    return _digits(zlib.crc32(f"{id_}_{secret}".encode("ascii")), CHECK_LENGTH)


def _digits(value: int, length: int) -> str:
    found = ""
    for _ in range(length):
        value, digit = divmod(value, len(ALPHABET))
        found += ALPHABET[digit]
    return found
