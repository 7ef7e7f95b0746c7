"""What is given to a command as a FILE, or as `-` on standard input."""

from __future__ import annotations

import sys

from engine.errors import UsageError


def given_bytes(path: str, kind: type[UsageError] = UsageError) -> bytes:
    """All of it. Raises UsageError, or the kind that is asked for."""
    try:
        if path == "-":
            return sys.stdin.buffer.read() if sys.stdin else b""
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise kind(f"cannot read {path}: {error.strerror}") from error


def given_text(path: str, kind: type[UsageError] = UsageError) -> str:
    """All of it as text, without a mark of its byte order. Raises UsageError as above."""
    try:
        return given_bytes(path, kind).decode("utf-8-sig")
    except UnicodeDecodeError:
        hint = "iconv -t utf-8 changes it"
        raise kind(f"cannot read {path}: it is no UTF-8 text", hint) from None
