"""The items of a batch: written where its process reads them, and which of them failed.

Role: called by starting.py before the process exists, and by declared.py when it has ended. Imports
the standard library and the runner's own parts. The files lie beside the items that the engine has
put aside, and go with the attempt.
"""

from __future__ import annotations

import contextlib
import json
import os
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from engine.runner.attempt import Attempt
    from engine.runner.memory import MemoryFiles

FAILED_LIMIT_BYTES = 16 << 20
BLOCK = b"".join(b"@%03d\n" % number for number in range(1000))  # numbers that begin alike
MEMORY_BYTES = 1 << 20  # items up to this size lie in memory, like what a step writes as outputs


def lay_out(attempt: Attempt, memory: MemoryFiles) -> None:
    """Write the files of a batch and name them in its environment. Raises OSError."""
    batch = attempt.spec["batch"]
    items, failed = _paths(attempt)
    env: dict[str, str] = attempt.spec["env"]
    data = b"".join(_parts(batch["store"], batch["numbers"]))
    if batch["format"] == "lines":
        data = _plain_lines(data)
    numbers = b"".join([_numbers(first, last) for first, last in batch["numbers"]])
    if len(data) <= MEMORY_BYTES:
        env["WINGMAN_ITEMS_FILE"] = _in_memory(attempt, memory, data)
    else:
        _write(items, data)
        env["WINGMAN_ITEMS_FILE"] = items
    env["WINGMAN_NUMBERS_FILE"] = _in_memory(attempt, memory, numbers)
    env["WINGMAN_FAILED_ITEMS"] = failed  # made by whoever writes to it
    if batch["single"]:
        text = data if batch["format"] == "lines" else _plain(data)
        env["WINGMAN_ITEM"] = text.decode("utf-8", "surrogateescape").removesuffix("\n")
        env["WINGMAN_ITEM_NUMBER"] = str(batch["numbers"][0][0])


def _in_memory(attempt: Attempt, memory: MemoryFiles, data: bytes) -> str:
    """A file in memory that goes with the attempt; its path."""
    fd, path = memory.new("items")
    attempt.item_fds = (*attempt.item_fds, fd)
    os.pwrite(fd, data, 0)
    return path


def _write(path: str, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        while data:
            data = data[os.write(descriptor, data) :]
    finally:
        os.close(descriptor)


def _numbers(first: int, last: int) -> bytes:
    """The numbers from `first` to `last`, one a line: a thousand that begin alike at once."""
    found = []
    while first <= last:
        head, begin = divmod(first, 1000)
        end = min(last - head * 1000, 999)
        if head:
            found.append(BLOCK[begin * 5 : (end + 1) * 5].replace(b"@", b"%d" % head))
        else:
            found.append(b"".join([b"%d\n" % number for number in range(begin, end + 1)]))
        first += end + 1 - begin
    return b"".join(found)


def collect_failed(attempt: Attempt) -> None:
    """Read which items have failed, as ranges; what is no number of an item fails the attempt."""
    items, failed = _paths(attempt)
    if attempt.spec["env"].get("WINGMAN_ITEMS_FILE") == items:
        with contextlib.suppress(OSError):
            os.unlink(items)
    try:
        with open(failed, "rb") as file:
            data = file.read(FAILED_LIMIT_BYTES)
        os.unlink(failed)
        attempt.failed_items = _ranges(data, attempt.spec["batch"]["numbers"])
    except ValueError as error:
        if attempt.error is None and not attempt.exit_code and attempt.reason is None:
            attempt.error = {"type": "output", "message": f"$WINGMAN_FAILED_ITEMS: {error}"}
    except OSError:
        pass  # nothing is listed


def _paths(attempt: Attempt) -> tuple[str, str]:
    stem = f"{attempt.spec['batch']['store']}.{attempt.spec['number']}"
    return f"{stem}.items", f"{stem}.failed"


def _parts(store: str, ranges: list[list[int]]) -> Iterator[bytes]:
    """The items with these numbers, a line of JSON each."""
    items = os.open(store, os.O_RDONLY | os.O_CLOEXEC)
    try:
        offsets = os.open(f"{store}.offsets", os.O_RDONLY | os.O_CLOEXEC)
        try:
            for first, last in ranges:
                (begin,) = struct.unpack("<Q", os.pread(offsets, 8, first * 8))
                (end,) = struct.unpack("<Q", os.pread(offsets, 8, (last + 1) * 8))
                yield os.pread(items, end - begin, begin)
        finally:
            os.close(offsets)
    finally:
        os.close(items)


def _plain_lines(data: bytes) -> bytes:
    """Each line as `_plain` has it; at once where no text holds anything that JSON escapes."""
    if b"\\" not in data and b"{" not in data:  # then a quote only begins or ends a text
        return data.replace(b'"', b"")
    return b"".join([_plain(line) for line in data.splitlines(keepends=True)])


def _plain(line: bytes) -> bytes:
    """A text as it is; everything else as JSON."""
    if not line.startswith(b'"'):
        return line
    text: str = json.loads(line)
    return text.encode("utf-8", "surrogatepass") + b"\n"


def _ranges(data: bytes, ranges: list[list[int]]) -> list[list[int]]:
    """Numbers, apart by white space or commas, as ranges. Raises ValueError."""
    found: list[list[int]] = []
    numbers: set[int] = set()
    for word in data.replace(b",", b" ").split():
        if not word.isdigit() or len(word) > 12:
            raise ValueError(f"{word[:40].decode(errors='replace')!r} is no number of an item")
        numbers.add(int(word))
    at = 0
    for number in sorted(numbers):
        while at < len(ranges) and ranges[at][1] < number:
            at += 1
        if at == len(ranges) or number < ranges[at][0]:
            raise ValueError(f"{number} is no item of this batch")
        if found and found[-1][1] == number - 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return found


def failed_json(ranges: Any) -> str:
    """The part of an `end` that tells them."""
    return f',"failed_items":{json.dumps(ranges, separators=(",", ":"))}' if ranges else ""
