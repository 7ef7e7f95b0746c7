"""Every form in which a secret's value is masked. Standard library only, used by `masking`.

A value is taken without the white space around it. Its forms: raw, as parts of other texts write it
(JSON, Python, shell, HTML, percent), base64 at each of its three alignments (only the characters
that the value alone decides), hex. A multi-line value is also masked line by line, and a value that
is JSON leaf by leaf.

What is not covered: reversed, compressed, encrypted or hashed values, values printed in pieces with
something between them, and base64 wrapped at an unusual column.
"""

from __future__ import annotations

import binascii
import functools
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

# Shorter values ("1", "yes", "no") occur everywhere: masking them would make logs unreadable and
# outputs wrong without keeping anything secret.
SHORTEST_VALUE = 4
SHORTEST_LINE = 6  # of a multi-line value: its lines are less likely to be secret on their own
SHORTEST_LEAF = 8  # of a value that is JSON
LONGEST_JSON = 64 << 10

Table = tuple[bytes, ...]  # what each byte becomes
_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def _table(other: dict[int, bytes]) -> Table:
    return tuple(other.get(byte) or bytes((byte,)) for byte in range(256))


def _percent(safe: bytes, form: str) -> Table:
    keep = frozenset(_LETTERS + b"_.-~" + safe)
    return _table({byte: (form % byte).encode("ascii") for byte in range(256) if byte not in keep})


class _Tables(NamedTuple):
    """How other texts write a byte."""

    shell: Table
    double_quoted: Table
    ansi_c: Table
    html: tuple[Table, ...]
    percent: tuple[Table, ...]


@functools.cache
def _tables() -> _Tables:
    """Made with the first secret."""
    plain = frozenset(b"%+,-./:=@_" + _LETTERS)
    html = {38: b"&amp;", 60: b"&lt;", 62: b"&gt;"}
    quotes: tuple[dict[int, bytes], ...] = (
        {34: b"&quot;", 39: b"&#x27;"}, {34: b"&quot;", 39: b"&#39;"}, {},
    )  # fmt: skip
    return _Tables(
        shell=_table({byte: b"\\%c" % byte for byte in range(0x80) if byte not in plain}),
        double_quoted=_table({34: b'\\"', 36: b"\\$", 92: b"\\\\", 96: b"\\`"}),
        ansi_c=_table(
            {10: b"\\n", 13: b"\\r", 9: b"\\t", 39: b"\\'", 92: b"\\\\", 27: b"\\E"}
        ),
        html=tuple(_table({**html, **more}) for more in quotes),
        percent=tuple(
            _percent(safe, form)
            for safe in (b"", b"/", b"!*'()", b";,/?:@&=+$!*'()#", b"/:")
            for form in ("%%%02X", "%%%02x")
        ),
    )


def forms_of(values: list[str]) -> list[bytes]:
    """All byte strings to mask for these values, longest first, each once."""
    found: set[bytes] = set()
    for value in values:
        for text in texts_of(value):
            found.update(_encoded(text))
    return sorted((form for form in found if len(form) >= SHORTEST_VALUE), key=len, reverse=True)


def texts_of(value: str) -> Iterator[str]:
    """The texts of a value that are secret on their own: itself, its lines, its JSON leaves."""
    core = value.strip()
    if len(as_bytes(core)) < SHORTEST_VALUE:
        return
    yield core
    lines = core.splitlines()
    if len(lines) > 1:
        yield "\n".join(lines)
        yield "\r\n".join(lines)
        for line in map(str.strip, lines):
            if len(line) >= SHORTEST_LINE and any(map(str.isalnum, line)):
                yield line
    if core[0] in "{[" and len(core) <= LONGEST_JSON:
        yield from _json_leaves(core)


def as_bytes(text: str) -> bytes:
    """The bytes that a process gets for a text, also where the system made it from no UTF-8."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _json_leaves(text: str) -> Iterator[str]:
    try:
        pending: list[Any] = [json.loads(text)]
    except (ValueError, RecursionError):
        return
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            pending += item.values()
        elif isinstance(item, list):
            pending += item
        elif isinstance(item, str) and len(item.strip()) >= SHORTEST_LEAF:
            yield item.strip()


def _encoded(text: str) -> Iterator[bytes]:
    raw = as_bytes(text)
    yield raw
    yield from _json_forms(text)
    yield from _shell_forms(raw)
    yield from _percent_forms(raw)
    yield from _python_forms(text, raw)
    for table in _tables().html:
        yield _replaced(raw, table)
    yield from base64_forms(raw)
    digits = binascii.hexlify(raw)
    yield digits
    yield digits.upper()


def _json_forms(text: str) -> Iterator[bytes]:
    for only_ascii in (True, False):
        once = json.dumps(text, ensure_ascii=only_ascii)[1:-1]
        yield as_bytes(once)
        yield as_bytes(once.replace("/", "\\/"))
        twice = json.dumps(once, ensure_ascii=only_ascii)[1:-1]
        yield as_bytes(twice)


def _python_forms(text: str, raw: bytes) -> Iterator[bytes]:
    yield as_bytes(repr(text)[1:-1])
    yield repr(raw)[2:-1].encode("ascii")
    yield raw.replace(b"\\", b"\\\\").replace(b"'", b"\\'")
    yield raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"')


def _shell_forms(raw: bytes) -> Iterator[bytes]:
    yield raw.replace(b"'", b"'\"'\"'")
    once = raw.replace(b"'", b"'\\''")
    yield once
    yield once.replace(b"'", b"'\\''")  # as `set -x` shows a quoted value
    yield _replaced(raw, _tables().double_quoted)
    yield _replaced(raw, _tables().ansi_c)
    yield _replaced(raw, _tables().shell)


def _percent_forms(raw: bytes) -> Iterator[bytes]:
    for table in _tables().percent:
        escaped = _replaced(raw, table)
        yield escaped
        yield escaped.replace(b"%20", b"+")


def base64_forms(raw: bytes) -> Iterator[bytes]:
    """base64 of a text wherever it lies in a longer one: the characters that it alone decides."""
    for text in (_base64(raw), *_wrapped(raw)):
        yield text
        yield text.rstrip(b"=")
        yield _url(text)
        yield _url(text.rstrip(b"="))
    for shift in range(3):
        text = _base64(bytes(shift) + raw)
        first = (8 * shift + 5) // 6
        end = 8 * (shift + len(raw)) // 6
        yield text[first:end]
        yield _url(text[first:end])


def _base64(raw: bytes) -> bytes:
    return binascii.b2a_base64(raw, newline=False)


def _wrapped(raw: bytes) -> Iterator[bytes]:
    """The lines that `base64` (76 columns) and `openssl base64` (64) print for a long value."""
    text = _base64(raw)
    for columns in (76, 64):
        if len(text) > columns:
            for at in range(0, len(text), columns):
                line = text[at : at + columns]
                if len(line.rstrip(b"=")) >= SHORTEST_LEAF:
                    yield line


def _url(text: bytes) -> bytes:
    return text.replace(b"+", b"-").replace(b"/", b"_")


def _replaced(raw: bytes, table: tuple[bytes, ...]) -> bytes:
    return b"".join(map(table.__getitem__, raw))
