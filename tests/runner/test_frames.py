"""The frame codec: any split of the bytes gives the same messages."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.runner.frames import FRAME_LIMIT_BYTES, Decoder, FrameError, encode

MESSAGES = [
    {"t": "hello", "epoch": 7},
    {"t": "x", "text": "ü\ud800" * 50},
    {},
    {"t": "y", "n": [1, 2.5]},
]


@given(st.lists(st.integers(1, 40), min_size=1, max_size=200))
def test_messages_survive_any_split(sizes: list[int]) -> None:
    data = b"".join(map(encode, MESSAGES))
    decoder, got, at = Decoder(), [], 0
    for size in sizes:
        got += decoder.feed(data[at : at + size])
        at += size
    got += decoder.feed(data[at:])
    assert got == MESSAGES


@pytest.mark.parametrize(
    "data",
    [
        struct.pack(">I", FRAME_LIMIT_BYTES + 1),
        struct.pack(">I", 3) + b"[1]",
        struct.pack(">I", 4) + b"{bad",
        struct.pack(">I", 2) + b"\xff\xfe",
        struct.pack(">I", 0),
    ],
)
def test_what_is_no_frame_is_refused(data: bytes) -> None:
    with pytest.raises(FrameError):
        Decoder().feed(data)


def test_a_message_over_the_limit_is_not_sent() -> None:
    with pytest.raises(FrameError):
        encode({"t": "x" * FRAME_LIMIT_BYTES})
