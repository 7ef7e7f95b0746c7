"""The inputs of a start: typed, completed, checked, all problems at once."""

from __future__ import annotations

import contextlib
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import InputError
from engine.flowfile import check_inputs
from engine.flowfile.inputs import fitted


def one(name: str, type_: str = "string", **words: Any) -> dict[str, Any]:
    """A declared input as in a compiled flow."""
    declared = {"name": name, "type": type_, "required": "default" not in words,
                "sensitive": words.pop("sensitive", False), "description": ""}
    if "default" in words:
        declared["default"] = words.pop("default")
    return declared | {"schema": words}


def refused(declared: list[dict[str, Any]], given: dict[str, Any],
            text: dict[str, str] | None = None) -> str:
    with pytest.raises(InputError) as caught:
        check_inputs(declared, given, text or {})
    return str(caught.value)


def test_values_are_typed_and_completed() -> None:
    declared = [one("s", default="x"), one("n", "integer"), one("f", "number"),
                one("b", "boolean"), one("l", "array"), one("o", "object"),
                one("none", "object", default={})]
    values = check_inputs(declared, {"o": {"a": 1}}, {
        "n": " -7 ", "f": "0.5", "b": "TRUE", "l": '["a", 1]'})
    assert values == {"s": "x", "n": -7, "f": 0.5, "b": True, "l": ["a", 1], "o": {"a": 1},
                      "none": {}}
    assert check_inputs([one("n", "integer")], {"n": 3.0}, {}) == {"n": 3}
    assert check_inputs([one("s")], {}, {"s": "7"}) == {"s": "7"}


def test_all_problems_at_once() -> None:
    text = refused([one("n", "integer"), one("database"), one("b", "boolean"), one("l", "array"),
                    {**one("word"), "sensitive": True}], {"databse": "x"}, {"n": "seven", "b": "yes", "l": "a,b"})
    assert text.split("\n") == [
        "input `databse` is no input of this flow (did you mean `database`?)",
        "input `n` is no whole number (such as 7)",
        "input `database` is required (add -i database=…)",
        "input `b` is neither true nor false (write true or false)",
        'input `l` is not JSON (write ["a", "b"], in quotes for the shell)',
        "input `word` is required (-i word asks for it)",
    ]


@pytest.mark.parametrize(("words", "type_", "fine", "wrong", "message"), [
    ({"minimum": 1}, "integer", 1, 0, "must be 1 or more"),
    ({"maximum": 9}, "number", 9, 9.5, "must be 9 or less"),
    ({"exclusiveMinimum": 0}, "number", 0.1, 0, "must be more than 0"),
    ({"exclusiveMaximum": 1}, "number", 0.9, 1, "must be less than 1"),
    ({"multipleOf": 5}, "integer", 10, 11, "must be a multiple of 5"),
    ({"multipleOf": 0.1}, "number", 0.3, 0.35, "must be a multiple of 0.1"),
    ({"minLength": 2}, "string", "äö", "a", "must have 2 characters or more"),
    ({"maxLength": 2}, "string", "äö", "abc", "must have 2 characters or fewer"),
    ({"pattern": "^[a-z]+$"}, "string", "app", "App", "does not match its pattern ^[a-z]+$"),
    ({"format": "date"}, "string", "2027-01-31", "31.1.2027", "is no date (such as 2027-01-31)"),
    ({"enum": ["a", "b"]}, "string", "a", "c", 'is none of the allowed values (one of "a", "b")'),
    ({"const": 1}, "integer", 1, 2, "must be 1"),
    ({"items": {"type": "integer"}}, "array", [1], [1, "x"],
     'at [1] must be a whole number, not "x"'),
    ({"minItems": 1}, "array", [1], [], "must have 1 elements or more"),
    ({"uniqueItems": True}, "array", [1, 2], [1, 1], "has an element twice"),
    ({"required": ["a"]}, "object", {"a": 1}, {}, "has no `a` (it is required)"),
    ({"properties": {"a": {"type": "object", "properties": {"b": {"type": "integer"}}}}},
     "object", {"a": {"b": 1}}, {"a": {"b": "x"}}, 'at a.b must be a whole number, not "x"'),
    ({"properties": {"a": {}}, "additionalProperties": False}, "object", {"a": 1}, {"b": 1},
     "has the unknown name `b` (it may have a)"),
    ({}, "integer", 2**63 - 1, 2**63, "is beyond 64 bits"),
    ({}, "integer", 1, True, "must be a whole number, not true"),
    ({}, "string", "x", 1, "must be a text, not 1"),
    ({}, "string", "x", None, "must be a text, not null"),
    ({}, "string", "x", "a\0b", "holds a NUL character"),
    ({}, "string", "x", "a" * 130_000, "has 130,000 bytes, more than an environment variable"),
    ({}, "string", "x", "\ud800", "is no valid Unicode text"),
])
def test_words_of_json_schema(words: dict[str, Any], type_: str, fine: Any, wrong: Any,
                              message: str) -> None:
    declared = [one("v", type_, **words)]
    assert check_inputs(declared, {"v": fine}, {}) == {"v": fine}
    assert f"input `v` {message}" in refused(declared, {"v": wrong})


def test_a_sensitive_value_is_in_no_message() -> None:
    for declared, value in (
        (one("t", sensitive=True, pattern="^x$"), "hunter2"),
        (one("t", "integer", sensitive=True), "hunter2"),
        (one("t", sensitive=True, enum=["a"]), "hunter2"),
        (one("t", "array", sensitive=True, items={"type": "integer"}), ["hunter2"]),
    ):
        assert "hunter2" not in refused([declared], {"t": value})
        if isinstance(value, str):
            assert "hunter2" not in refused([declared], {}, {"t": value})


def test_given_twice() -> None:
    assert "is given twice" in refused([one("a")], {"a": "x"}, {"a": "y"})


def test_an_expensive_pattern_ends_soon() -> None:
    started = time.monotonic()
    assert "does not match" in refused([one("s", pattern="(a+)+$")], {"s": "a" * 20_000 + "!"})
    assert "too long" in refused([one("s", pattern="(a{0,500})" * 20 + "b")], {"s": "a" * 100_000})
    assert time.monotonic() - started < 10


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(["string", "integer", "number", "boolean", "array", "object"]),
       st.text(max_size=20) | st.from_regex(r"[-+0-9.eE]{1,12}"), st.recursive(
           st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
           lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
               st.text(max_size=3), inner, max_size=3)))
def test_any_value_is_taken_or_refused(type_: str, text: str, value: Any) -> None:
    for given_, given_text in (({}, {"v": text}), ({"v": value}, {})):
        with contextlib.suppress(InputError):
            assert "v" in check_inputs([one("v", type_)], given_, given_text)


def test_what_comes_from_outside_is_read_as_its_input_is_declared() -> None:
    types = {"i": "integer", "n": "number", "b": "boolean", "s": "string", "a": "array"}
    declared = [{"name": name, "type": type_} for name, type_ in types.items()]
    form = {"i": "5", "n": "1.5", "b": "true", "s": "5", "a": "[1]", "more": "5"}
    assert fitted(declared, form) == {**form, "i": 5, "n": 1.5, "b": True}
    for value, text in ((5, "5"), (True, "true"), (1.5, "1.5")):
        assert fitted(declared, {"s": value}) == {"s": text}
    unfit = {"i": "five", "n": "", "b": "yes", "s": None}
    assert fitted(declared, unfit) == unfit
