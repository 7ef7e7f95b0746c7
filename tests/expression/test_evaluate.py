"""What expressions give, and what they say when they fail."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from engine.errors import ExpressionError
from engine.expression import (
    NOW,
    HeavyExpression,
    as_text,
    check,
    evaluate,
    is_heavy,
    is_template,
    parts_of,
    references,
    render,
    resolve,
    values_of,
)

NAMES: dict[str, Any] = {
    "inputs": {"keep": 7, "share": 1.5, "name": "it's", "list": [1, 2, 3], "token": "hunter2!",
               "yes": True, "none": None, "map": {"x-y": [{"z": "deep"}]}},
    "env": {"PGHOST": "db1"},
    "steps": {"dump": {"state": "completed",
                       "outputs": {"size": 5000, "files": ["a.gz", "b.txt"], "ok": False}}},
    "execution": {"id": "018f", "number": 12},
    NOW: "2026-03-04T05:06:07.000008Z",
}


@pytest.mark.parametrize(("expression", "value"), [
    ("inputs.keep", 7),
    (" inputs.keep ", 7),
    ("inputs.list[1]", 2),
    ('inputs.map["x-y"][0].z', "deep"),
    ("inputs.none", None),
    ("steps.dump.outputs", {"size": 5000, "files": ["a.gz", "b.txt"], "ok": False}),
    ("inputs.keep > 0", True),
    ("inputs.keep + 1", 8),
    ("inputs.share * 2.0", 3.0),
    ("steps.dump.state == 'completed' && !steps.dump.outputs.ok", True),
    ("steps.dump.outputs.files.filter(f, f.endsWith('.gz'))", ["a.gz"]),
    ("inputs.list.map(x, x * 2)", [2, 4, 6]),
    ("inputs.list.exists(x, x == inputs.keep)", False),
    ("has(inputs.keep) && !has(inputs.absent)", True),
    ("inputs.yes ? 'on' : 'off'", "on"),
    ("'db-' + inputs.name", "db-it's"),
    ("size('äö') + size(inputs.list)", 5),
    ("'äö'.size()", 2),
    ("type(inputs.keep) == int && type(inputs.name) == string", True),
    ("type(inputs.list) == list && type(inputs.map) == map", True),
    ("type(inputs.none) == null_type ? 'none' : string(type(inputs.none))", "none"),
    ("inputs.list.all(x, type(x) == int)", True),
    ("type(inputs.share)", "double"),
    ("string(true)", "true"),
    ("string(inputs.list)", "[1,2,3]"),
    ("string(1.0)", "1.0"),
    ("quote(inputs.name)", "'it'\"'\"'s'"),
    ("quote('plain')", "'plain'"),
    ("quote('')", "''"),
    ("now()", "2026-03-04T05:06:07.000008Z"),
    ("now() - duration('1h')", "2026-03-04T04:06:07.000008Z"),
    ("now() > timestamp('2026-01-01T00:00:00Z')", True),
    ("duration('90m')", "5400s"),
    ("math.greatest([3, inputs.keep])", 7),
    ("'a,b'.split(',')", ["a", "b"]),
    ("'abc'.matches('^a.c$')", True),
    ("{'a': {'b': inputs.keep}}", {"a": {"b": 7}}),
    ("{1: 'one'}", {"1": "one"}),
    ("optional.none()", None),
    ("b'abc'", "abc"),
    ("9223372036854775807", 9223372036854775807),
    ("1 in inputs.list", True),
    ("1 // a comment\n + 1", 2),
    ("r'\\d' + '''a\nb'''", "\\da\nb"),
])
def test_value(expression: str, value: Any) -> None:
    assert check(expression) is None
    got = evaluate(expression, NAMES)
    assert got == value
    assert type(got) is type(value)


@pytest.mark.parametrize(("expression", "message", "hint"), [
    ("inputs.kep", "`inputs.kep` has no value: `inputs` has no `kep`", "did you mean `keep`?"),
    ("inputs.list[7]", "`inputs.list` has 3 elements", ""),
    ("inputs.keep.x", "`inputs.keep` is integer", ""),
    ("stepz.a", "there is no `stepz` here", "did you mean `steps`?"),
    ("inputs.keep > 'x'", "inputs.keep = 7 (integer)", "int(), double() or string()"),
    ("inputs.keep + inputs.share", "inputs.keep = 7 (integer), inputs.share = 1.5 (decimal)", ""),
    ("inputs.absent + 1 > inputs.keep", "inputs.absent is missing, inputs.keep = 7 (integer)",
     "has("),
    ("inputs.keep.size + 1 > 1", "inputs.keep.size is missing, for inputs.keep = 7 (integer)", ""),
    ("1 / (inputs.keep - 7)", "a division by zero; inputs.keep = 7", ""),
    ("9223372036854775807 + inputs.keep", "leaves 64 bits", ""),
    ("int(inputs.name)", 'inputs.name = "it\'s" (text)', ""),
    ("inputs.list[5] == 1 || inputs.keep == 1", "index out of bounds: 5", ""),
    ("inputs.name.matches('(?=x)')", "matches(): invalid perl operator", ""),
    ("nothing(1)", "there is no `nothing`", ""),
    ("b'\\xff'", "bytes that are no text", "base64.encode"),
    ("inputs.keep +", "the expression ends too early in `inputs.keep +`", ""),
    ("inputs.keep = 7", "`=` means nothing here", "compare with =="),
    ("${{ inputs.keep }}", "`$` means nothing here", "needs no ${{ }}"),
    ("'abc", "a text is never closed", "add the closing '"),
    ("(1 + 2", "`(` is never closed", ""),
    ("1 + 2)", "`)` closes nothing", ""),
    ("", "the expression is empty", ""),
])
def test_failure_tells_the_cause_and_the_values(expression: str, message: str, hint: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        evaluate(expression, NAMES)
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert not isinstance(caught.value, HeavyExpression)


def test_masked_values_are_in_no_message() -> None:
    masked = {"inputs.token"}
    for expression in ("inputs.token > 1", "int(inputs.token)", "inputs[inputs.token]",
                       "inputs.token.matches('(?=a)')",
                       "timestamp(inputs.token)", "inputs.map[inputs.token] == 1"):
        with pytest.raises(ExpressionError) as caught:
            evaluate(expression, NAMES, masked=masked)
        assert "hunter2" not in str(caught.value)
        assert "***" in str(caught.value)
    assert values_of("inputs.token.x == 1", NAMES, masked=masked) == [
        "inputs.token.x is missing, for inputs.token = *** (text)"]
    shown = values_of("inputs.token == '' && inputs.keep > 9", NAMES, masked=masked)
    assert shown == ["inputs.token = *** (text)", "inputs.keep = 7 (integer)"]


def test_references() -> None:
    assert references("steps.a.outputs.x > inputs.n && steps['b'].state == 'x'") == {
        "steps.a.outputs.x", "inputs.n", "steps.b.state"}
    assert references("inputs.l.map(x, x + inputs.y[0].z.size())") == {"inputs.l", "inputs.y[0].z"}
    assert references("math.abs(inputs.n) + now().getFullYear()") == {"inputs.n"}
    assert references("has(env.A.B) ? inputs['k-1'] : steps[inputs.which].state") == {
        "env.A.B", 'inputs["k-1"]', "steps", "inputs.which"}
    assert references("echo ${{ inputs.a }} and ${{ size(steps.b.outputs) }}") == {
        "inputs.a", "steps.b.outputs"}
    assert references("[1].exists(x, x == 1) && x == 2") == {"x"}


def test_pasting() -> None:
    text = ("n=${{ inputs.keep }} f=${{inputs.share}} b=${{ inputs.yes }} 0=${{ inputs.none }} "
            "l=${{ inputs.list }} m=${{ {'a': {'b': 'ü'}} }} e=${{ '}}' }} docker={{.ID}} $${x}")
    assert render(text, NAMES) == (
        'n=7 f=1.5 b=true 0= l=[1,2,3] m={"a":{"b":"ü"}} e=}} docker={{.ID}} $${x}')
    assert is_template(text)
    assert not is_template("docker ps --format '{{.ID}}'")
    assert as_text(False) == "false"


def test_a_lone_expression_keeps_its_type() -> None:
    tree = {"n": "${{ inputs.keep }}", "t": "n=${{ inputs.keep }}", "l": ["${{ inputs.list }}", 3],
            "spaced": " ${{ inputs.keep }}", "plain": None}
    assert resolve(tree, NAMES) == {"n": 7, "t": "n=7", "l": [[1, 2, 3], 3], "spaced": " 7",
                                    "plain": None}


@pytest.mark.parametrize(("template", "what", "offset"), [
    ("a ${{ inputs.x", "`${{` is never closed", 2),
    ("a ${{ 'x }} b", "a text is never closed", 6),
    ("${{ inputs.keep }} ${{ (1 }}", "`(` is never closed", 19),
    ("a ${{ a = b }}", "`=` means nothing here", 8),
])
def test_a_broken_template_is_an_error_with_its_place(template: str, what: str,
                                                      offset: int) -> None:
    with pytest.raises(ExpressionError) as caught:
        render(template, NAMES | {"a": 1})
    assert what in caught.value.message
    problem = parts_of(template).problem
    if problem is not None:
        assert problem.offset == offset


def test_importing_expressions_loads_no_cel() -> None:
    """The engine imports this at its start; a path costs no library either."""
    program = (
        "import sys; from engine.expression import evaluate;"
        "assert evaluate('inputs.n', {'inputs': {'n': 1}}) == 1;"
        "heavy = [m for m in sys.modules if 'cel' in m.split('.') or m in"
        " ('_cel', 're2', 'yaml', 'pydantic', 'typer', 'rich') or m.endswith('._cel')];"
        "assert not heavy, heavy;"
        "assert evaluate('1 + 1', {}) == 2;"
        "assert 'typer' not in sys.modules and 'rich' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_heavy_is_what_could_hold_the_engine() -> None:
    names = {"inputs": {"l": list(range(1001)), "s": [1, 2], "t": "a" * 300_000}}
    assert is_heavy("inputs.l.exists(x, x == 1)", names)
    assert is_heavy("size(inputs.l)", names)
    assert is_heavy("inputs.t + inputs.t", names)
    assert not is_heavy("inputs.l", names)
    assert not is_heavy("inputs.t", names)
    assert not is_heavy("inputs.s.map(x, x + 1)", names)
    assert not is_heavy("not an expression", names)
    with pytest.raises(HeavyExpression):
        evaluate("size(inputs.l)", names)
    assert evaluate("size(inputs.l)", names, heavy=True) == 1001
