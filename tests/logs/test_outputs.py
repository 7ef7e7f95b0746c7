"""The grammar of a step's outputs: what is read, and what is refused with its line."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.outputs import DEPTH, LIMIT_BYTES, OutputError, parse_json_output, parse_outputs


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("\n \n", {}),
        ("size=12\n", {"size": 12}),
        ("size=12", {"size": 12}),
        ("a=true\nb=false\nc=null\nd=True", {"a": True, "b": False, "c": "null", "d": "True"}),
        ("a=0\nb=-1\nc=007\nd=-0\ne=+1\nf=1.5\ng=1e3\nh= 1",
         {"a": 0, "b": -1, "c": "007", "d": "-0", "e": "+1", "f": "1.5", "g": "1e3", "h": " 1"}),
        ("a=9223372036854775807\nb=9223372036854775808\nc=-9223372036854775808",
         {"a": 2**63 - 1, "b": "9223372036854775808", "c": -(2**63)}),
        ("a=", {"a": ""}),
        ("a=b=c:=d<<e", {"a": "b=c:=d<<e"}),
        ("a=first\na=second", {"a": "second"}),
        ("url=https://x/?a=b", {"url": "https://x/?a=b"}),
        ("list:=[1, 2.5, \"x\", null]", {"list": [1, 2.5, "x", None]}),
        ("text:=\"true\"", {"text": "true"}),
        ("a<<EOF\none\n\ntwo=2\nEOF\nb=1", {"a": "one\n\ntwo=2", "b": 1}),
        ("a<<EOF\nEOF", {"a": ""}),
        ("a<<EOF\n true\nEOF", {"a": " true"}),
        ("a<<EOF\r\none\r\nEOF\r\n", {"a": "one\r"}),
        ('{"a": 1, "b": {"c": [true]}}', {"a": 1, "b": {"c": [True]}}),
        (' \n{\n"a": 1\n}\n', {"a": 1}),
        ("ключ=1".replace("ключ", "_k9"), {"_k9": 1}),
        ("grüße=x".replace("grüße", "g") + "ü", {"g": "xü"}),
    ],
)  # fmt: skip
def test_outputs_that_are_read(text: str, expected: dict[str, Any]) -> None:
    found = parse_outputs(text.encode())
    assert found == expected
    assert list(map(type, found.values())) == list(map(type, expected.values()))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a=1\nno value", "line 2: no name=value: 'no value'"),
        ("a b=1", "line 1: 'a b' is not a name"),
        ("a =1", "line 1: 'a ' is not a name"),
        ("my-key=1", "'my-key' is not a name"),
        ("9a=1", "'9a' is not a name"),
        ("true=1", "'true' is not a name"),
        ("in=1", "'in' is not a name"),
        ("é=1", "'é' is not a name"),
        ("x" * 64 + "=1", "is not a name"),
        ("=1", "'' is not a name"),
        ("a<<", "line 1: << needs a word"),
        ("b=1\na<<EOF\none\n EOF\n", "line 2: the text is not ended by a line 'EOF'"),
        ("a:=[1,", "line 1 column 4: not JSON"),
        ("a:=", "line 1 column 1: not JSON"),
        ("a:=NaN", "NaN is no JSON number"),
        ("a:=1e999", "a number is too large"),
        ("a:=9223372036854775808", "does not fit 64 bits"),
        ('a:="\\ud800"', "half a surrogate pair"),
        ("a:=" + "[" * 100 + "]" * 100, "nested more than"),
        ("a:=" + "[" * 100_000 + "]" * 100_000, "nested more than"),
        ('{"a": 1', "not JSON"),
        ('{\n"a": 1,\n}', "line 3"),
        ('{"my-key": 1}', "'my-key' is not a name"),
        ("a:=" + "9" * 5000, "not JSON"),
    ],
)  # fmt: skip
def test_outputs_that_are_refused(text: str, message: str) -> None:
    with pytest.raises(OutputError) as caught:
        parse_outputs(text.encode())
    assert message in caught.value.message
    assert "WINGMAN_OUTPUT" in caught.value.message


def test_bytes_that_are_no_text_are_refused_with_their_line() -> None:
    with pytest.raises(OutputError, match=r"line 2: not UTF-8 \(byte 0xff\)"):
        parse_outputs(b"a=1\nb=\xff\n")


def test_the_limit_is_a_mebibyte() -> None:
    assert parse_outputs(b"a=" + b"x" * (LIMIT_BYTES - 2)) == {"a": "x" * (LIMIT_BYTES - 2)}
    with pytest.raises(OutputError, match="1,048,576 is the limit"):
        parse_outputs(b"a=" + b"x" * LIMIT_BYTES)
    with pytest.raises(OutputError, match="1,048,576 is the limit"):
        parse_json_output(b'"' + b"x" * LIMIT_BYTES + b'"')


def test_an_error_shows_all_of_a_text_or_nothing_of_it() -> None:
    """A masker does not know half a secret: a message must not be cut in the middle of one."""
    with pytest.raises(OutputError) as caught:
        parse_outputs(b"secret" * 100)
    assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1}', {"a": 1}),
        ("[1, 2]\n", {"result": [1, 2]}),
        ("null", {"result": None}),
        ('"x"', {"result": "x"}),
        ("{}", {}),
        ("[" * (DEPTH - 1) + "]" * (DEPTH - 1), None),
    ],
)
def test_json_outputs(text: str, expected: dict[str, Any] | None) -> None:
    found = parse_json_output(text.encode())
    assert found == (expected if expected is not None else {"result": json.loads(text)})


@pytest.mark.parametrize("text", ["", " \n", "hello", '{"a": 1}{"b": 2}', "{'a': 1}", "Infinity"])
def test_stdout_that_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(OutputError, match="stdout"):
        parse_json_output(text.encode())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=10)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)  # fmt: skip
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,20}", fullmatch=True).filter(
    lambda name: name not in {"true", "false", "null", "in"}
)


@given(st.dictionaries(NAMES, JSON, max_size=4))
def test_any_json_value_can_be_handed_on(outputs: dict[str, Any]) -> None:
    lines = "".join(f"{name}:={json.dumps(value)}\n" for name, value in outputs.items())
    assert parse_outputs(lines.encode()) == outputs
    assert parse_outputs(json.dumps(outputs).encode()) == outputs
    assert parse_json_output(json.dumps(outputs).encode()) == outputs


@given(NAMES, st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"])))
def test_what_is_typed_pastes_back_unchanged(name: str, value: str) -> None:
    (found,) = parse_outputs(f"{name}={value}".encode()).values()
    pasted = json.dumps(found) if isinstance(found, bool | int) else found
    assert pasted == value


@given(st.binary(max_size=200))
def test_any_bytes_give_outputs_or_an_output_error(data: bytes) -> None:
    for parse in (parse_outputs, parse_json_output):
        with contextlib.suppress(OutputError):
            assert isinstance(parse(data), dict)
