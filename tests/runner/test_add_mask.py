"""`::add-mask::VALUE` lines are found wherever chunks are cut, and no byte is lost or doubled."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.runner.add_mask import LONGEST, MARK, Derived, MaskLines
from engine.runner.capture import Capture, Recorder
from engine.runner.poller import Poller
from engine.runner.timers import Timers


def fed(chunks: list[bytes]) -> tuple[bytes, list[str]]:
    """All that is recorded of these chunks, and the values found."""
    lines, recorded, values = MaskLines(), b"", []
    for chunk in filter(None, chunks):
        buffer = bytearray(chunk + b"::add-mask::of an earlier chunk\n")  # the buffer is reused
        found = lines.look(1, buffer, len(chunk))
        data, more = (chunk, []) if found is None else found
        recorded += data
        values += more
    data, more = lines.rest(1)
    return recorded + data, values + more


@pytest.mark.parametrize(
    ("text", "values"),
    [
        (b"::add-mask::secret\n", ["secret"]),
        (b"one\n::add-mask::a b c\r\ntwo\n::add-mask::second", ["a b c", "second"]),
        (b"not ::add-mask::at the beginning\n ::add-mask::x\n", []),
        (b"::add-mask::\n::add-mask::  \n", []),
        (b"::\n:\n::add\n::add-mask:\nprompt: ", []),
        (b"", []),
    ],
)
def test_every_cut_finds_the_same(text: bytes, values: list[str]) -> None:
    for first in range(len(text) + 1):
        for second in range(first, len(text) + 1):
            assert fed([text[:first], text[first:second], text[second:]]) == (text, values)


pieces = st.sampled_from([MARK, b"::", b"add-mask", b"\n", b"\r\n", b"value", b" ", b":", b"x"])


@given(st.lists(pieces, max_size=20), st.lists(st.integers(0, 200), max_size=8))
def test_any_text_in_any_chunks(parts: list[bytes], cuts: list[int]) -> None:
    text = b"".join(parts)
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    assert fed([text[a:b] for a, b in pairwise(places)]) == fed([text])


def test_a_line_without_an_end_is_not_waited_for_for_ever() -> None:
    lines = MaskLines()
    chunk = bytearray(b"x" * 40_000)
    lines.look(1, bytearray(MARK), len(MARK))
    for _ in range(2):
        found = lines.look(1, chunk, len(chunk))
    assert found is not None
    assert len(found[0]) > LONGEST


def test_what_stderr_holds_is_masked_by_what_stdout_said_before(tmp_path: Path) -> None:
    """Both streams wait to be read, and stderr is looked at first."""
    spec = {
        "attempt": "x:1", "execution": "x", "number": 1, "step": "s", "outputs": "lines",
        "output_limit_bytes": 1 << 20, "log_limit_bytes": 1 << 20, "log_dir": str(tmp_path / "x"),
        "masks": [], "log_sync": False,
    }  # fmt: skip
    recorder = Recorder(Poller(), Timers(), print)
    attempt = SimpleNamespace(spec=spec, execution="x", id="x:1", capture=None, log_lost_bytes=0)
    capture = Capture(attempt, recorder, lambda: None)  # type: ignore[arg-type]
    attempt.capture = capture
    link = SimpleNamespace(send=lambda text: None)
    Derived({"x:1": attempt}, recorder, link)  # type: ignore[arg-type]
    out, err = capture.open()
    os.write(out, b"::add-mask::derivedValue\n")
    os.write(err, b"it is derivedValue\n")
    capture._on_stderr(0)
    os.close(out)
    os.close(err)
    assert capture.drain()
    recorder.finish(capture)
    logged = b"".join(path.read_bytes() for path in (tmp_path / "x").glob("*.log"))
    assert logged == b"::add-mask::***\nit is ***\n"
