"""Frames between engine and runner: a 4-byte big-endian length, then one JSON object.

Role: the codec of docs/protocols.md, section 2. Called by the runner's link and by the engine's
side of the connection. Imports the standard library only.
"""

from __future__ import annotations

import json
import struct

TYPE_CHECKING = False  # the typing module would cost the runner a fifth of its start
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

FRAME_LIMIT_BYTES = 16 << 20
_LENGTH = struct.Struct(">I")
_decode_json = json.JSONDecoder().raw_decode
# made once: JSONEncoder.encode makes one for each call, which costs more than a small message.
# ASCII output: a lone surrogate in a name must not break the connection
_encoder = json.JSONEncoder(separators=(",", ":"))
_make_encoder: Any = getattr(json.encoder, "c_make_encoder", None)
_make_chunks = _make_encoder and _make_encoder(
    None, _encoder.default, json.encoder.encode_basestring_ascii, None, ":", ",", False, False, True
)
dump_text: Callable[[str], str] = json.encoder.encode_basestring_ascii


def dump_json(value: Any) -> str:
    """`value` as compact JSON."""
    if _make_chunks is None:  # an interpreter without the accelerator
        return _encoder.encode(value)
    return "".join(_make_chunks(value, 0))


def load_json(data: bytes) -> Any:
    """The value of JSON that begins with its first byte."""
    text = data.decode()
    value, end = _decode_json(text)
    if end != len(text):
        raise ValueError(f"extra data after {end} characters")
    return value


class FrameError(ValueError):
    """The peer sent something that is no frame; the connection is of no more use."""


def encode_text(text: str) -> bytes:
    """One frame around JSON text that is already made (ASCII)."""
    payload = text.encode("ascii")
    if len(payload) > FRAME_LIMIT_BYTES:
        raise FrameError(f"a frame of {len(payload)} bytes is over {FRAME_LIMIT_BYTES}")
    return _LENGTH.pack(len(payload)) + payload


def encode(message: dict[str, Any]) -> bytes:
    """One frame that holds `message`."""
    return encode_text(dump_json(message))


class Decoder:
    """Takes bytes as they come and gives the messages that are whole."""

    def __init__(self, load: Callable[[bytes], Any] = load_json) -> None:
        self._rest = b""
        self._load = load

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """The messages that `data` completes, in order."""
        if self._rest:
            data = self._rest + data
        messages: list[dict[str, Any]] = []
        start, end = 0, len(data)
        while end - start >= 4:
            length: int = _LENGTH.unpack_from(data, start)[0]
            if length > FRAME_LIMIT_BYTES:
                raise FrameError(f"a frame of {length} bytes is over {FRAME_LIMIT_BYTES}")
            if end - start - 4 < length:
                break
            messages.append(self._decode(data[start + 4 : start + 4 + length]))
            start += 4 + length
        self._rest = data[start:]
        return messages

    def _decode(self, payload: bytes) -> dict[str, Any]:
        try:
            message = self._load(payload)
        except ValueError as error:
            raise FrameError(f"a frame holds no JSON: {error}") from error
        if not isinstance(message, dict):
            raise FrameError("a frame holds no JSON object")
        return message
