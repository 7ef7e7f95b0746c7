"""The items of batch steps on the disk: gathered once, so that their numbers stay what they are.

Beside an execution's working directory lies `<id>.items`, with two files a batch step: the items,
a JSON value a line, and the offset of each line. Written by `put_aside` on a thread, synced before
the journal speaks of it; read by the engine for expressions, and by the runner for what it starts.
"""

from __future__ import annotations

import csv
import io
import os
import re
import stat
import sys
from array import array
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate, islice
from typing import Any

import msgspec

from engine.errors import WingmanError
from engine.jsontext import encode

ITEMS_LIMIT = 1_000_000
ITEM_LIMIT_BYTES = 1 << 20
SINGLE_LIMIT_BYTES = 100_000  # one that becomes a variable of a process
FILE_LIMIT_BYTES = 256 << 20
JSON_LIMIT_BYTES = 32 << 20  # of a list: it is read at once
OFFSETS = ".offsets"
PLAIN_LIMIT_BYTES = 32 << 20
NOT_PLAIN = re.compile(rb'[\x00-\x09\x0b-\x1f"\\\x7f]')  # what JSON writes otherwise
PART_LINES = 4_000  # written at once


class ItemsError(WingmanError):
    """Items that cannot be taken; the message says which and why."""

    code = "items"


def put_aside(store: str, source: dict[str, Any], folder: str) -> int:
    """Write the items of `source` to `store`; how many there are. Raises ItemsError."""
    os.makedirs(os.path.dirname(store), mode=0o700, exist_ok=True)
    try:
        if "file" in source:
            path = os.path.join(folder, source["file"])
            count = _put_plain_lines(store, path, source)
            if count is not None:
                return count
            values: Iterable[Any] = _read(path, source["file"], source["format"])
        else:
            values = source["values"]
        return _write(store, _checked(values, source))
    except OSError as error:
        raise ItemsError(f"they cannot be put aside: {error.strerror or error}") from error


def values(store: str, ranges: list[list[int]]) -> list[Any]:
    """The items with these numbers."""
    return [msgspec.json.decode(line) for line in lines(store, ranges)]


def lines(store: str, ranges: list[list[int]]) -> Iterator[bytes]:
    """The items with these numbers, each as a line of JSON without its end."""
    with open(store, "rb") as items, open(store + OFFSETS, "rb") as offsets:
        for first, last in ranges:
            offsets.seek(first * 8)
            begin, end = array("Q"), array("Q")
            begin.frombytes(offsets.read(8))
            offsets.seek((last + 1) * 8)
            end.frombytes(offsets.read(8))
            items.seek(begin[0])
            yield from items.read(end[0] - begin[0]).splitlines()


def _put_plain_lines(store: str, path: str, source: dict[str, Any]) -> int | None:
    """A file of short plain lines, all at once; None where it is anything else."""
    if source.get("format") != "lines":
        return None
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return None
            data = file.read(PLAIN_LIMIT_BYTES + 1)
    except (OSError, ValueError):
        return None
    if not data or len(data) > PLAIN_LIMIT_BYTES or not data.isascii() or NOT_PLAIN.search(data):
        return None
    stored = b'"' + data.removesuffix(b"\n").replace(b"\n", b'"\n"') + b'"\n'
    sizes = list(map(len, stored.splitlines(keepends=True)))  # two quotes and a line end in each
    is_short = max(sizes) <= SINGLE_LIMIT_BYTES and len(sizes) <= ITEMS_LIMIT
    if min(sizes) == 3 or not is_short:
        return None
    _store(store, [stored], array("Q", accumulate(sizes, initial=0)))
    return len(sizes)


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)


def _checked(values: Iterable[Any], source: dict[str, Any]) -> Iterator[bytes]:
    """Each item as a line of JSON; what is no item is refused with its number."""
    text_only, single = source["text_only"], source["single"]
    short = SINGLE_LIMIT_BYTES // 6  # a character takes six bytes at the most
    for number, value in enumerate(values):
        is_short = type(value) is str and len(value) < short and value.isprintable()
        if is_short and number < ITEMS_LIMIT:
            yield encode(value)
            continue
        if number >= ITEMS_LIMIT:
            raise ItemsError(f"there are more than {ITEMS_LIMIT:,}", "make several steps of them")
        if not isinstance(value, str | int | float | dict):  # true and false are whole numbers here
            kind = "null" if value is None else "a list"
            raise ItemsError(f"item {number} is {kind}: an item is a text, a number or an object")
        if text_only and (isinstance(value, dict) or "\n" in str(value)):
            kind = "an object" if isinstance(value, dict) else "a text of several lines"
            raise ItemsError(f"item {number} is {kind}, which `items_format: lines` cannot write")
        if single and isinstance(value, str) and "\0" in value:
            raise ItemsError(f"item {number} holds a NUL character, which no variable can hold")
        line = encode(value)
        limit_bytes = SINGLE_LIMIT_BYTES if single else ITEM_LIMIT_BYTES
        if len(line) > limit_bytes:
            raise ItemsError(f"item {number} has {len(line):,} bytes; at most {limit_bytes:,}")
        yield line


def _write(store: str, found: Iterator[bytes]) -> int:
    offsets = array("Q", [0])
    _store(store, _parts(found, offsets), offsets)
    return len(offsets) - 1


def _parts(found: Iterator[bytes], offsets: array[int]) -> Iterator[bytes]:
    """The lines in larger parts; where each begins is noted on the way."""
    at = 0
    while part := list(islice(found, PART_LINES)):
        for line in part:
            at += len(line) + 1
            offsets.append(at)
        if at > FILE_LIMIT_BYTES:
            raise ItemsError(f"they have more than {FILE_LIMIT_BYTES >> 20} MiB")
        part.append(b"")
        yield b"\n".join(part)


def _store(store: str, parts: Iterable[bytes], offsets: array[int]) -> None:
    """Both files of a batch step, synced; what a power cut leaves half done is put aside anew."""
    if sys.byteorder == "big":  # the runner reads little-endian
        offsets.byteswap()
    written: list[int] = []
    try:
        written.append(_fill(store + ".new", parts))
        written.append(_fill(store + OFFSETS, [offsets.tobytes()]))
        os.rename(store + ".new", store)
        written.append(os.open(os.path.dirname(store), os.O_RDONLY | os.O_DIRECTORY))
        with ThreadPoolExecutor(len(written)) as pool:  # at once: one commit of the file system
            list(pool.map(os.fsync, written))
    finally:
        for descriptor in written:
            os.close(descriptor)


def _fill(path: str, parts: Iterable[bytes]) -> int:
    """A new file with these bytes; its descriptor."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "wb", closefd=False) as file:
            for part in parts:
                file.write(part)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _read(path: str, name: str, format_: str) -> Iterator[Any]:
    """The items of a file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no path"
        raise ItemsError(f"{name[:200]}: {reason}") from error
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ItemsError(f"{name[:200]} is no file")
        if status.st_size > FILE_LIMIT_BYTES:
            raise ItemsError(f"{name[:200]} has more than {FILE_LIMIT_BYTES >> 20} MiB")
        try:
            yield from FORMATS[format_](file)
        except UnicodeDecodeError as error:
            raise ItemsError(f"{name[:200]} is no UTF-8: {error.reason}") from error
        except OSError as error:
            raise ItemsError(f"{name[:200]}: {error.strerror or error}") from error


def _texts(file: io.BufferedReader) -> Iterator[Any]:
    """Each line is a text; empty ones are none."""
    for line in io.TextIOWrapper(file, encoding="utf-8-sig", newline="\n"):
        text = line.rstrip("\n").removesuffix("\r")
        if text:
            yield text


def _json(file: io.BufferedReader) -> Iterator[Any]:
    """One list, or a value a line."""
    head = file.peek(64).removeprefix(b"\xef\xbb\xbf").lstrip()
    if head.startswith(b"["):
        data = file.read(JSON_LIMIT_BYTES + 1)
        if len(data) > JSON_LIMIT_BYTES:
            limit = f"{JSON_LIMIT_BYTES >> 20} MiB"
            raise ItemsError(f"a JSON list has at most {limit}", "write one value a line")
        yield from _decoded(data.removeprefix(b"\xef\xbb\xbf"), "the file")
        return
    for number, line in enumerate(file, 1):
        text = line.removeprefix(b"\xef\xbb\xbf").strip()
        if text:
            yield _decoded(text, f"line {number}")


def _decoded(data: bytes, where: str) -> Any:
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise ItemsError(f"{where} is no JSON: {error}") from error


def _rows(file: io.BufferedReader) -> Iterator[Any]:
    """Rows as objects, named by the first one."""
    reader = csv.reader(io.TextIOWrapper(file, encoding="utf-8-sig", newline=""), strict=True)
    try:
        names = next(reader, [])
        if len(set(names)) != len(names):
            raise ItemsError("two columns of the file have the same name")
        for row in reader:
            if not row:
                continue
            if len(row) != len(names):
                what = f"{len(row)} values, and there are {len(names)} columns"
                raise ItemsError(f"line {reader.line_num} has {what}")
            yield dict(zip(names, row, strict=True))
    except csv.Error as error:
        raise ItemsError(f"line {reader.line_num} is no CSV: {error}") from error


FORMATS = {"lines": _texts, "json": _json, "csv": _rows}
