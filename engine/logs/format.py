"""The log format on disk: the 40-byte index record and the names of the files.

The runner's writer and the engine's reader both stand on this; docs/protocols.md, section 3, is the
contract. Standard library only.

A tail that a power cut tore, and a record that a full disk cut short, are told by the record's own
CRC: whoever reads skips to the next place where a record is valid.
"""

from __future__ import annotations

import re
import struct
import zlib
from typing import NamedTuple

HEAD = struct.Struct("<QIBBHQIII")  # a record without its own CRC
RECORD = struct.Struct("<QIBBHQIIII")
RECORD_BYTES = RECORD.size  # 40
INDEX_NAME = "index"
LEVELS_NAME = "levels"
SEGMENT_BYTES = 64 << 20
BLOCK_BYTES = 1 << 20  # the most that one record describes
SEGMENT_MAX = 0xFFFF
STEP_NAME_BYTES = 200  # longer step paths are cut, a file name holds 255

STDOUT, STDERR, ENGINE = 1, 2, 3
STREAM_NAMES = {STDOUT: "stdout", STDERR: "stderr", ENGINE: "engine"}

PARTIAL = 1  # the block does not end a line
GAP = 2  # `length` bytes were not kept; `offset` is the errno that caused it
ROLLED = 4  # with GAP: true once the segment before `segment` is gone; `offset` is the count
CONTINUES = 8  # the block begins in the middle of a line

_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]")
_SEGMENT = re.compile(r"^(\d{6,})\.(.*?)(?:\.(\d+))?\.log$", re.DOTALL)


class Record(NamedTuple):
    """One row of the index: a block of bytes of one stream of one attempt, or a gap."""

    time_ns: int
    attempt: int
    stream: int
    flags: int
    segment: int
    offset: int
    length: int
    lines: int
    crc: int

    @property
    def gap_bytes(self) -> int:
        """How many bytes a gap record stands for."""
        return self.offset if self.flags & ROLLED else self.length


class SegmentName(NamedTuple):
    """What the name of a log file tells."""

    attempt: int
    step: str
    segment: int


def pack_record(record: Record) -> bytes:
    """The 40 bytes of a record."""
    head = HEAD.pack(*record)
    return head + zlib.crc32(head).to_bytes(4, "little")


def unpack_record(data: bytes | memoryview, at: int = 0) -> Record | None:
    """The record that begins at `at`, or None where no whole and valid record lies there."""
    end = at + HEAD.size
    if at < 0 or end + 4 > len(data):
        return None
    if zlib.crc32(data[at:end]) != int.from_bytes(data[end : end + 4], "little"):
        return None
    return Record._make(HEAD.unpack_from(data, at))


def segment_name(number: int, step: str, segment: int = 0) -> str:
    """The file that holds a segment of an attempt's output."""
    stem = f"{number:06d}.{_file_step(step)}"
    return f"{stem}.{segment}.log" if segment else f"{stem}.log"


def parse_segment_name(name: str) -> SegmentName | None:
    """What `segment_name` wrote, or None for another file."""
    found = _SEGMENT.match(name)
    if found is None:
        return None
    return SegmentName(int(found[1]), found[2].replace("+", "/"), int(found[3] or 0))


def _file_step(step: str) -> str:
    text = "+".join(_UNSAFE.sub("_", part) for part in step.split("/"))
    if len(text) <= STEP_NAME_BYTES:
        return text
    import hashlib  # only here: the runner starts without it

    digest = hashlib.sha256(step.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{text[: STEP_NAME_BYTES - 17]}-{digest}"
