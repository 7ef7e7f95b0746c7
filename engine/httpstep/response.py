"""From a response to outputs, or to a file in the working directory. Called by `carry`."""

from __future__ import annotations

import contextlib
import datetime
import email.utils
import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

from engine.httpstep.request import StepError, inside

SHOWN_CHARACTERS = 300
HEADERS_LIMIT_BYTES = 1 << 16
ASKED_LIMIT_S = 3600.0  # a server that wants a day is not waited for like that


def is_expected(status: int, wanted: list[str]) -> bool:
    """Whether a status is one of `200`, `2xx`."""
    return any(str(status) == one or one == f"{status // 100}xx" for one in wanted)


def asked_delay(headers: Mapping[str, str], now_s: float) -> dict[str, float]:
    """How long the server wants to be left alone, where it says so: seconds, or a date."""
    text = (headers.get("retry-after") or "").strip()
    if text.isascii() and text.isdigit():
        seconds = float(text[:18])
    else:
        try:
            at = email.utils.parsedate_to_datetime(text)
            seconds = at.replace(tzinfo=at.tzinfo or datetime.UTC).timestamp() - now_s
        except (ValueError, TypeError, OverflowError):
            return {}
    return {"retry_after_s": round(min(seconds, ASKED_LIMIT_S), 3)} if seconds > 0 else {}


def save(chunks: Iterator[bytes], name: str) -> int:
    """Stream a body into a file, which is there only when it is whole; its size."""
    path = inside(name, "save")
    part = f"{path}.part"
    size_bytes = 0
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(part, "wb") as file:
            for chunk in chunks:
                file.write(chunk)
                size_bytes += len(chunk)
        os.replace(part, path)
    except OSError as error:
        raise StepError("output", f"save {name}: {error.strerror}") from error
    finally:
        with contextlib.suppress(OSError):
            os.unlink(part)
    return size_bytes


def read_bounded(chunks: Iterator[bytes], limit_bytes: int) -> tuple[bytes, bool]:
    """The body up to a limit, and whether that is all of it."""
    data = bytearray()
    for chunk in chunks:
        data += chunk
        if len(data) > limit_bytes:
            return bytes(data[:limit_bytes]), False
    return bytes(data), True


def read_value(data: bytes, content_type: str, charset: str | None) -> tuple[Any, str]:
    """A body as a value, and a warning: JSON as what it says, text as text, else null."""
    if not data:
        return None, ""
    media = content_type.partition(";")[0].strip().lower()
    if media == "application/json" or media.endswith("+json"):
        try:
            return json.loads(data, parse_constant=_refuse), ""
        except (ValueError, RecursionError) as error:
            text, warning = _text(data, charset, media)
            return text, warning or f"the body says it is JSON, and is not: {error}"
    return _text(data, charset, media)


def _text(data: bytes, charset: str | None, media: str) -> tuple[str | None, str]:
    try:
        text = data.decode(charset or "utf-8")
    except (UnicodeDecodeError, LookupError):
        text = "\0"
    if "\0" in text:
        kind = media or "no content type"
        return None, f"{len(data):,} bytes of {kind} are no text: write `save: FILE` to keep them"
    return text, ""


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


def shown(data: bytes) -> str:
    """The beginning of a body in one line, for an error."""
    text = data[: SHOWN_CHARACTERS * 4].decode("utf-8", "replace")
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= SHOWN_CHARACTERS else line[:SHOWN_CHARACTERS] + "…"


def outputs_of(status: int, headers: Mapping[str, str]) -> dict[str, Any]:
    """`status` and `headers`, by their names in small letters."""
    kept: dict[str, str] = {}
    left = HEADERS_LIMIT_BYTES
    for name, value in headers.items():
        left -= len(name) + len(value)
        if left >= 0:
            kept[name.lower()] = value
    return {"status": status, "headers": kept}
