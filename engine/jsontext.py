"""JSON for the journal and the API, also of texts that no UTF-8 can hold.

A file's name or a program's message may hold bytes or half characters that are no text (lone
surrogates in Python). One of them must stop neither a commit nor an answer: it is shown escaped.
"""

from __future__ import annotations

from typing import Any

import msgspec

_encode = msgspec.json.encode


def encode(value: Any) -> bytes:
    """`value` as JSON."""
    try:
        return _encode(value)
    except UnicodeEncodeError:
        return _encode(whole(value))


def whole(value: Any) -> Any:
    """`value` with every half character in its texts written as an escape."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, dict):
        return {whole(key): whole(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [whole(item) for item in value]
    return value
