"""No form of a secret passes the masker, wherever the stream is cut."""

from __future__ import annotations

import base64
import binascii
import json
import os
import random
import re
import shlex
import string
import subprocess
import sys
import urllib.parse
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.logs import regex
from engine.logs.writer import AttemptLog
from engine.runner import masking
from engine.runner.mask_forms import SHORTEST_VALUE, as_bytes, forms_of
from engine.runner.masking import MASK, Masker

CANARY = "kV9+x/Q2 'q\"$7&<é>"
PEM = "-----BEGIN KEY-----\n" + "\n".join(
    base64.b64encode(bytes([at]) * 48).decode() for at in range(4)
) + "\n-----END KEY-----\n"  # fmt: skip


@pytest.fixture(params=["re2", "re", "blocks"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """All ways to search: google-re2, the standard library without it, blocks of very many."""
    masking._forms_for.cache_clear()
    if request.param == "blocks":
        monkeypatch.setattr(masking, "PATTERN_FORMS", 0)
    if request.param == "re":
        monkeypatch.setattr(regex, "load_re2", lambda: None)
    else:
        assert regex.load_re2() is not None
    yield request.param
    masking._forms_for.cache_clear()


def encodings(value: str) -> dict[str, bytes]:
    """A value as programs print it."""
    raw = value.encode()
    found: dict[str, bytes] = {
        "raw": raw,
        "json": json.dumps({"token": value}).encode(),
        "json utf-8": json.dumps([value], ensure_ascii=False).encode(),
        "json with slashes": json.dumps(value).replace("/", "\\/").encode(),
        "json in json": json.dumps(json.dumps({"a": value})).encode(),
        "python": repr(value).encode(),
        "python bytes": repr(raw).encode(),
        "percent": urllib.parse.quote(value, safe="").encode(),
        "percent path": urllib.parse.quote(value).encode(),
        "percent lower": urllib.parse.quote(value, safe="").lower().encode()
        if value.islower()
        else b"",
        "form": urllib.parse.quote_plus(value).encode(),
        "javascript": urllib.parse.quote(value, safe="-_.!~*'()").encode(),
        "shell": shlex.quote(value).encode(),
        "hex": binascii.hexlify(raw),
        "HEX": binascii.hexlify(raw).upper(),
        "crlf": value.replace("\n", "\r\n").encode(),
        "wrapped base64": base64.encodebytes(raw),
        "base64 url": base64.urlsafe_b64encode(raw),
        "basic auth": base64.b64encode(b"user:" + raw),
    }
    for before in range(4):
        for after in range(3):
            text = b"p" * before + raw + b"s" * after
            found[f"base64 {before} {after}"] = base64.b64encode(text)
    return {name: data for name, data in found.items() if data}


def leaks(value: str, masked: bytes) -> list[bytes]:
    """What of the forms of a value is still there; the edges of base64 may be."""
    return [form for form in forms_of([value]) if form in masked]


@pytest.mark.parametrize("value", [CANARY, "hunter2!", "s3cr", "päss wörd", PEM, "a" * 40])
def test_every_encoding_is_masked_at_every_cut(engine: str, value: str) -> None:
    masker = Masker([value])
    for name, data in encodings(value).items():
        text = b"before " + data + b" after\n"
        whole = masker.mask_bytes(text)
        assert MASK in whole, name
        assert leaks(value, whole) == [], name
        cuts = range(1, len(text)) if len(text) < 200 else range(1, len(text), 17)
        for cut in cuts:
            stream = masker.fresh()
            parts = stream.feed(1, text[:cut]) + stream.feed(1, text[cut:]) + stream.flush(1)
            assert parts == whole, (name, cut)


def test_shells_print_no_secret(engine: str) -> None:
    masker = Masker([CANARY])
    script = 'printf "%q\\n" "$S"; set -x; : "$S"; declare -p S; echo "${S@Q}"'
    printed = subprocess.run(
        ["bash", "-c", script], env={"S": CANARY, "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True, timeout=30,
    ).stdout  # fmt: skip
    masked = masker.mask_bytes(printed)
    assert masked.count(MASK) >= 4
    for piece in (b"kV9", b"Q2", b"$7"):
        assert piece in printed
        assert piece not in masked


def test_the_longest_form_wins_and_overlaps_become_one(engine: str) -> None:
    assert Masker(["abcd", "abcdefgh"]).mask_text("-abcdefgh-abcdef-") == "-***-***ef-"
    assert Masker(["abcdXY", "XYefgh"]).mask_text("-abcdXYefgh-") == "-***-"
    assert Masker(["aaaa"]).mask_text("-aaaaaaa-") == "-***-"
    assert Masker(["abcd"]).mask_text("abcdabcd") == "******"


ALPHABET = st.text("ab", min_size=SHORTEST_VALUE, max_size=20)


def naive(data: bytes, forms: list[bytes]) -> bytes:
    """Masking by looking everywhere: the longest form at each place, overlaps joined."""
    pieces: list[bytes] = []
    done = 0
    for at in range(len(data)):
        longest = max((len(form) for form in forms if data.startswith(form, at)), default=0)
        if not longest:
            continue
        if at >= done:
            pieces += [data[done:at], MASK]
        done = max(done, at + longest)
    return b"".join([*pieces, data[done:]])


@pytest.fixture(params=["pattern", "blocks"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Whether many forms are found by a pattern or by their blocks."""
    masking._forms_for.cache_clear()
    if request.param == "blocks":
        monkeypatch.setattr(masking, "PATTERN_FORMS", 0)
    yield request.param
    masking._forms_for.cache_clear()


FIXTURE = settings(
    max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture]
)  # it changes nothing between examples


@FIXTURE
@given(
    st.lists(ALPHABET, min_size=1, max_size=4),
    st.lists(st.text("abc", max_size=9).map(str.encode), max_size=8),
)
def test_any_chunks_give_what_a_look_at_the_whole_would(
    way: str, values: list[str], chunks: list[bytes]
) -> None:
    masker = Masker(values)
    out = b"".join(masker.feed(1, chunk) for chunk in chunks)
    whole = naive(b"".join(chunks), forms_of(values))
    assert whole.startswith(out)
    rest = masker.flush(1)
    if out + rest != whole:  # half a secret at the very end is masked, or joins the last mask
        assert rest == MASK or (rest == b"" and out.endswith(MASK))


@FIXTURE
@given(st.text(min_size=4, max_size=30), st.binary(max_size=60), st.data())
def test_no_value_in_any_form_passes(
    way: str, value: str, around: bytes, data: st.DataObject
) -> None:
    if len(value.strip()) < SHORTEST_VALUE:
        return
    form = data.draw(st.sampled_from(forms_of([value])))
    at = data.draw(st.integers(0, len(around)))
    text = around[:at] + form + around[at:]
    masker = Masker([value])
    out, start = b"", 0
    while start < len(text):
        size = data.draw(st.integers(1, 12))
        out += masker.feed(2, text[start : start + size])
        start += size
    out += masker.flush(2)
    assert as_bytes(value.strip()) not in out.replace(MASK, b"\n\n")
    assert form not in out or form in MASK + MASK


def test_streams_and_attempts_do_not_mix(engine: str) -> None:
    masker = Masker(["secret-value"])
    first, second = masker.fresh(), masker.fresh()
    assert first.feed(1, b"x secret-") == b"x "
    assert second.feed(1, b"value\n") == b"value\n"
    assert first.feed(2, b"value\n") == b"value\n"
    assert first.feed(1, b"value") == b"***"


def test_only_the_beginning_of_a_secret_waits(engine: str) -> None:
    masker = Masker(["secret-value"])
    assert masker.feed(1, b"Password: ") == b"Password: "
    assert masker.feed(1, b"se") == b""
    assert masker.feed(1, b"e you\n") == b"see you\n"


def test_a_secret_that_is_cut_off_at_the_end(engine: str) -> None:
    masker = Masker(["secret-value-of-mine"])
    assert masker.feed(1, b"x secret-value-of") == b"x "
    assert masker.flush(1) == b"***"
    assert masker.feed(1, b"x secr") + masker.flush(1) == b"x secr"


@pytest.mark.parametrize("value", ["", "1", "yes", "abc", "  a ", "\n\n\n\n\n"])
def test_values_that_occur_everywhere_are_not_masked(value: str) -> None:
    masker = Masker([value])
    assert not masker.active
    assert masker.feed(1, memoryview(b"yes 1 abc\n")) == b"yes 1 abc\n"
    assert masker.flush(1) == b""


def test_lines_of_a_value_are_masked_on_their_own(engine: str) -> None:
    masked = Masker([PEM]).mask_text("\n".join("  " + line for line in PEM.splitlines()))
    assert masked == "\n".join(["  ***"] * 6)


def test_the_leaves_of_a_json_value_are_masked(engine: str) -> None:
    value = json.dumps({"type": "service", "key": {"id": "k-1234567890"}, "n": 1})
    assert Masker([value]).mask_text("using k-1234567890 now") == "using *** now"


def test_json_is_masked_with_its_keys_and_numbers(engine: str) -> None:
    masker = Masker(["hunter2!", "123456", "1234.5"])
    inner = ["x", {"b": "hunter2!"}]
    value = {"a hunter2!": inner, "n": 123456, "f": 1234.5, "ok": True, "z": None}
    assert masker.mask_json(value) == {
        "a ***": ["x", {"b": "***"}], "n": "***", "f": "***", "ok": True, "z": None
    }  # fmt: skip
    assert Masker(["true"]).mask_json([True, "true"]) == [True, "***"]
    assert Masker([]).mask_json(value) is value


def test_masked_text_reaches_the_log(tmp_path: Path) -> None:
    log = AttemptLog(str(tmp_path), 1, "a", Masker([CANARY]), 0)
    rng = random.Random(3)
    text = b"".join(
        b"line %d " % at + data + b" end\n" for at, data in enumerate(encodings(CANARY).values())
    )
    at = 0
    while at < len(text):
        size = rng.randrange(1, 20)
        log.feed(1, memoryview(text)[at : at + size], at)
        log.feed(2, text[at : at + size], at)
        at += size
    log.feed(1, CANARY.encode()[:-1], at)
    log.close(at)
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert leaks(CANARY, written) == []
    assert b"kV9" not in written
    assert written.count(MASK) >= 2 * len(encodings(CANARY))


def test_attempts_that_share_a_masker_do_not_share_its_stream(tmp_path: Path) -> None:
    masker = Masker(["secret-value"])
    logs = [AttemptLog(str(tmp_path), number, "a", masker, 0) for number in (1, 2)]
    logs[0].feed(1, b"one secret-", 1)
    logs[1].feed(1, b"value two\n", 2)
    logs[0].feed(1, b"value\n", 3)
    for log in logs:
        log.close(4)
    assert (tmp_path / "000001.a.log").read_bytes() == b"one ***\n"
    assert (tmp_path / "000002.a.log").read_bytes() == b"value two\n"


def test_an_isolated_interpreter_finds_re2(tmp_path: Path) -> None:
    site = str(Path(regex.load_re2().__file__).parent.parent)  # type: ignore[union-attr, arg-type]
    root = str(Path(regex.__file__).parent.parent.parent)
    code = f"""
import sys
sys.path.insert(0, {root!r})
assert not any("site-packages" in path for path in sys.path)
from engine.runner.masking import Masker
assert "re2" not in sys.modules
assert Masker(["hunter2!"]).mask_text("a hunter2! b") == "a *** b"
print("re2" in sys.modules)
"""
    for environment in ({}, {"WINGMAN_SITE": site}):
        done = subprocess.run(
            [sys.executable, "-S", "-E", "-c", code], env=environment,
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert done.stdout == "True\n"


def test_an_interpreter_without_re2_masks_too() -> None:
    root = str(Path(regex.__file__).parent.parent.parent)
    code = f"""
import sys
sys.path.insert(0, {root!r})
sys.executable = "/nowhere/bin/python"
from engine.runner.masking import Masker
assert Masker(["hunter2!"]).mask_text("a hunter2! b") == "a *** b"
print("re2" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-S", "-E", "-c", code], env={},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "False\n"), done.stderr


def test_many_secrets_are_one_pattern(engine: str) -> None:
    rng = random.Random(1)
    values = [f"{rng.getrandbits(128):032x}" for _ in range(100)]
    masker = Masker(values)
    text = " ".join(values)
    assert masker.mask_text(text) == " ".join(["***"] * 100)
    for value in values[:20]:
        assert masker.mask_bytes(base64.b64encode(value.encode())) == MASK


def test_thousands_of_secrets_are_taken() -> None:
    values = [f"token-{at:06d}-of-many" for at in range(3000)]
    masker = Masker(values)
    data = f"using {values[17]} and {values[2999]}, not token-xx".encode()
    assert masker.mask_bytes(data) == b"using *** and ***, not token-xx"


def test_a_hundred_private_keys_are_masked_line_by_line_wherever_they_are_cut() -> None:
    rng = random.Random(2)
    keys = []
    for _ in range(100):
        body = base64.b64encode(rng.randbytes(120)).decode()
        lines = "\n".join(body[at : at + 64] for at in range(0, len(body), 64))
        keys.append(f"-----BEGIN KEY-----\n{lines}\n-----END KEY-----")
    masker = Masker(keys)
    assert len(forms_of(keys)) > masking.PATTERN_FORMS
    for key in keys[::7]:
        text = f"here: {key}\nand\n".encode() + base64.encodebytes(key.encode()) + b"end\n"
        out, at = b"", 0
        while at < len(text):
            size = rng.randrange(1, 40)
            out += masker.feed(1, text[at : at + size])
            at += size
        out += masker.flush(1)
        assert re.fullmatch(rb"here: \*\*\*\nand\n(\*\*\*\n)+end\n", out)


def test_what_is_left_of_a_secret_where_a_message_was_cut_is_masked() -> None:
    """Whoever cut it did not know where the secret was."""
    secret = "correct-horse-battery-staple"
    masker = Masker([secret])
    whole = f"it said {secret} and no more"
    for cut in range(len("it said ") + 6, len(whole)):
        for end in ("", "…", "… (and 3 more)"):
            found = masker.mask_message(whole[:cut] + end)
            assert found.startswith("it said ***"), found
            assert "correct" not in found
    for harmless in ("it said corre", "correctness … and so on", "", "…", "it said no"):
        assert masker.mask_message(harmless) == harmless
    assert Masker([]).mask_message("correct-horse") == "correct-horse"
    assert masker.mask_json({"a": "correct-horse"}) == {"a": "correct-horse"}, "a value stays"


@pytest.mark.parametrize("length", [5, 9, 10, 15, 16, 23, 24, 31, 40, 64])
def test_every_form_is_found_wherever_it_begins(engine: str, length: int) -> None:
    """Long forms are looked for in every few bytes: none of the places between is blind."""
    rng = random.Random(length)
    secrets = ["".join(rng.choices(string.ascii_letters + "+/&'", k=length)) for _ in range(3)]
    masker = Masker(secrets)
    for form in forms_of(secrets):
        for before in range(14):
            text = b"\n" * before + form + b"\n" * (before % 3)
            found = masker.mask_bytes(text)
            assert form not in found, (form, before)
            assert found.count(b"\n") == text.count(b"\n") - form.count(b"\n")
    assert masker.mask_bytes(b"\n" * 100) == b"\n" * 100
