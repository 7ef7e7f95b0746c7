"""Expressions are bounded: length, levels, data, time; whatever the text is."""

from __future__ import annotations

import contextlib
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from engine.errors import ExpressionError
from engine.expression import HeavyExpression, check, evaluate, parts_of, render, scan
from engine.expression.library import cel
from engine.expression.patterns import LIMIT_WORK, PatternError, found
from engine.expression.scan import NAMESPACED, tokens_of

GENEROUS_S = 5.0  # the machine may be busy; what it guards against takes minutes


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(("expression", "what"), [
    ("+".join(["1"] * 20_000), "is too long"),
    ("(" * 65 + "1" + ")" * 65, "more than 64 levels"),
    ("[" * 65 + "]" * 65, "more than 64 levels"),
    ("-" * 66 + "1", "more than 64 levels"),
    ("!" * 66 + "true", "more than 64 levels"),
    ("size(" * 66 + "'a'" + ")" * 66, "more than 64 levels"),
    ("true ? 1 : " * 66 + "1", "more than 64 levels"),
    ("inputs.l.map(x, inputs.l.map(y, x + y))", "inside another comprehension"),
    ("inputs.l.filter(x, [1].exists_one(y, y == x))", "inside another comprehension"),
    ("inputs.l . map ( x , inputs.l\n.\nall // c\n(y, true))", "inside another comprehension"),
], ids=lambda value: value[:12])
def test_refused_before_cel_sees_it(expression: str, what: str) -> None:
    problem = check(expression)
    assert problem is not None
    assert what in problem.what
    with pytest.raises(ExpressionError, match=what):
        evaluate(expression, {"inputs": {"l": [1]}}, heavy=True)


@pytest.mark.parametrize("expression", [
    "(" * 64 + "1" + ")" * 64, "+".join(["1"] * 999), "inputs.l.map(x, x).filter(y, y > 0)",
], ids=["levels", "sum", "chain"])
def test_what_is_within_the_bounds_works(expression: str) -> None:
    assert check(expression) is None
    evaluate(expression, {"inputs": {"l": [1]}})


def test_data_that_cel_cannot_take_is_refused() -> None:
    for value, what in ((nested(100), "more than 64 levels"), (nested(100_000), "more than 64"),
                        (2**63, "beyond 64 bits"), ({"a": [2**70]}, "beyond 64 bits")):
        for heavy in (False, True):
            with pytest.raises(ExpressionError, match=what):
                evaluate("inputs.v == 1", {"inputs": {"v": value}}, heavy=heavy)
    assert evaluate("inputs.ok == 1", {"inputs": {"ok": 1, "v": nested(100_000)}}) is True


def test_only_what_is_referred_to_is_converted() -> None:
    """A huge neighbour costs nothing and is not heavy."""
    names = {"steps": {"a": {"outputs": {"n": 1, "big": list(range(1_000_000))}}}}
    assert evaluate("steps.a.outputs.n + 1", names) == 2


@pytest.mark.parametrize("expression", [
    "lists.range(100000000)",
    "inputs.t.replace('a', inputs.t)",
    "inputs.t.replace('', inputs.t).replace('', inputs.t)",
    "[inputs.t, inputs.t, inputs.t].map(x, x.replace('a', inputs.t))",
    "inputs.t.split('').map(x, x + inputs.t)",
    "inputs.t.split('').distinct()",
    "inputs.l.map(x, inputs.l.sort() + inputs.l.sort())",
    "inputs.t.matches('" + "(a{0,900})" * 90 + "b')",
    "+".join(["inputs.t"] * 200),
    "[" + ",".join(["0"] * 400) + "].map(x, " + "+".join(["inputs.t"] * 100) + ")",
    "[" + ",".join(["0"] * 900) + "].map(x, x + 1)",
    "inputs.l" + ".map(x, x)" * 150,
    "inputs.l == inputs.l && " * 80 + "true",
], ids=lambda value: value[:24])
def test_nothing_light_takes_long(expression: str) -> None:
    """Whatever is costly is given to the sandbox, or refused; nothing of it holds the engine."""
    names = {"inputs": {"t": "a" * 4_000, "l": list(range(1_000))}}
    started = time.monotonic()
    with contextlib.suppress(ExpressionError):
        evaluate(expression, names)
    assert time.monotonic() - started < GENEROUS_S


def test_patterns_do_not_backtrack() -> None:
    assert not found("(a+)+$", "a" * 10_000 + "!")
    with pytest.raises(PatternError):
        found("(?=a)", "a")
    with pytest.raises(PatternError):
        found("a{0,900}b", "a" * (LIMIT_WORK // 900 + 1))


words = st.sampled_from(
    ["inputs", "steps", "x", ".a", ".l", "[0]", "['k']", "(", ")", "[", "]", "{", "}", "+", "-",
     "!", "?", ":", ",", " in ", "&&", "||", "==", "<", "1", "0x1", "1.5", "1u", "'t'", '"q"',
     "r'\\'", "b'x'", "'''", "true", "null", ".map(x,", ".exists(y,", "size(", "now()", "quote(",
     "math.abs(", "has(", "//", "\n", "\\", "${{", "}}", "@", "é", "lists.range(9)", "string("])
texts = st.one_of(st.lists(words, max_size=40).map("".join), st.text(max_size=60))
NAMES = {"inputs": {"a": 1, "l": [1, 2], "k": "v"}, "steps": {"a": {"state": "x"}},
         "@now": "2026-01-01T00:00:00Z"}


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(texts)
@example("r'\\' + inputs.l.map(x, inputs.l.map(y, y))")
@example("'\\\n' + x")
@example("1.e5")
@example("a.b.c()")
@example("\x00")
def test_any_text_gives_a_value_or_an_expression_error(text: str) -> None:
    started = time.monotonic()
    problem = check(text)
    try:
        evaluate(text, NAMES)
        assert problem is None
    except HeavyExpression:
        pass
    except ExpressionError:
        assert not problem or problem.what
    render_or_refuse(text)
    assert time.monotonic() - started < GENEROUS_S


def render_or_refuse(text: str) -> None:
    for template in (text, f"a ${{{{ {text} }}}} b"):
        with contextlib.suppress(ExpressionError):
            assert isinstance(render(template, NAMES), str)
        parts = parts_of(template)
        assert len(parts.literals) == len(parts.expressions) + 1


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(texts)
@example("r'\\' + inputs.l.map(x, inputs.l.map(y, y))")
@example("{inputs: 1}")
@example("a[b.c].d")
@example("x.y.z(inputs)")
def test_our_reading_misses_nothing_that_cel_sees(text: str) -> None:
    """If CEL read a variable that we did not see, bounds and checks could be passed by."""
    scanned = scan(text)
    if scanned.problem is not None:
        return
    try:
        variables = set(cel().compile(text).variables())
    except ValueError:
        return
    roots = {str(reference.path[0]) for reference in scanned.references}
    bound = {token.text for token in tokens_of(text)[0] if token.kind == "word"}
    spaces = {name.split(".")[0] for name in NAMESPACED}  # math.abs(…): a function, no value
    assert variables <= roots | spaces | (bound if scanned.comprehensions else set())
