"""Files made to hurt are refused soon, whatever they hold."""

from __future__ import annotations

import time

import pytest

from engine.errors import FlowFileError
from engine.flowfile import compile_flow

GENEROUS_S = 5.0  # 0.25 s on an idle machine (benchmarks/expressions.py); what it guards: minutes
MIB = 1 << 20
ONES = "+".join(["1"] * 900)


def listed(form: str, count: int) -> str:
    """A file of many steps; `{i}` in the form counts them."""
    return "steps:\n" + "".join(form.replace("{i}", str(i)) for i in range(count))


def run_of(line: str, count: int) -> str:
    """A file of one step whose command has many lines."""
    return "name: a\nsteps:\n- id: a\n  run: |\n" + f"    {line}\n" * count


HOSTILE: dict[str, str | bytes] = {
    "alias bomb": "a: &a [x,x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)},*{chr(97 + i)}]\n" for i in range(20)),
    "merge bomb": "a: &a {x: 1}\n" + "b: {<<: *a}\n" * 50,
    "cycle": "a: &a [*a]\n",
    "deep lists": "[" * MIB, "deep blocks": "- " * (MIB // 2), "deep maps": "{a: " * (MIB // 5),
    "deep keys": "{? ," * (MIB // 5),
    "many values": "steps: [" + "1," * 110_000 + "]", "many aliases": "a: [" + "*b," * 60_000 + "]",
    "many tags": "a: [" + "!x 1," * 60_000 + "]", "many anchors": "a: [" + "&x 1," * 60_000 + "]",
    "many keys": "".join(f"k{i}: 1\n" for i in range(24_000)), "same key": "a: 1\n" * 24_000,
    "too large": "x" * (MIB + 1), "directives": "%TAG !a! b\n" * 90_000,
    "bytes": bytes(range(256)) * 100, "surrogate": b"a: \xed\xa0\x80",
    "long name": "name: " + "x" * (MIB - 100), "long key": "? " + "x" * (MIB - 100) + "\n: 1",
    "long number": "timeout: " + "9" * (MIB // 2), "open quote": "a: '" + " \n" * (MIB // 2 - 10),
    "many steps": listed("- {id: a{i}, run: x}\n", 12_000),
    "wrong steps": listed("- {id: a{i}, rn: x}\n", 9_999),
    "wrong needs": listed("- {id: abcdef{i}, needs: [abcdeg{i}], run: x}\n", 5_000),
    "long circle": "name: a\n" + listed("- {id: a{i}, needs: [b{i}], run: x}\n", 1) + "".join(
        f"- {{id: b{i}, needs: [b{(i + 1) % 4000}], run: x}}\n" for i in range(4_000)),
    "costly expressions": listed(f"- {{id: a{{i}}, run: x, if: '{ONES}+{{i}} > 1'}}\n", 500),
    "wrong expressions": listed(f"- {{id: a{{i}}, run: x, if: '{ONES}+{{i}} >> 1'}}\n", 500),
    "unknown inputs": run_of("${{ inputs.a }}", 50_000), "unclosed": run_of("${{", 90_000),
    "unclosed texts": run_of("${{ ' }}", 60_000), "wrong functions": run_of("x ${{ f() }}", 50_000),
    "expressions": run_of("${{ execution.id }}", 40_000),
    "folded": "name: a\nsteps:\n- id: a\n  run: >\n" + "    x ${{ foo( }}\n" * 50_000,
    "quoted": "name: a\nsteps:\n- {id: a, run: '" + "x ${{ foo( }} " * 50_000 + "'}",
    "costly patterns": "name: a\ninputs: {" + ",".join(
        f"a{i}: {{pattern: 'a{{0,900}}b', default: {'a' * 900}}}" for i in range(900))
        + "}\nsteps: [{id: a, run: x}]",
    "deep script": "name: a\nsteps:\n- id: a\n  python:\n    script: |\n      " + "(" * 29_000,
    "deep sum": "name: a\nsteps:\n- id: a\n  python:\n    script: |\n      " + "1+" * 14_000 + "1",
    "deep minus": "name: a\nsteps:\n- id: a\n  python:\n    script: '" + "-" * 29_000 + "1'",
    "deep default": "name: a\ninputs: {a: {type: array, default: " + "[" * 60 + "]" * 60 + "}}\n",
    "escapes": 'a: "' + "\\x41" * 250_000 + '"',
}


@pytest.mark.parametrize("case", HOSTILE)
def test_refused_soon(case: str) -> None:
    text = HOSTILE[case]
    started = time.monotonic()
    with pytest.raises(FlowFileError) as caught:
        compile_flow(text if isinstance(text, bytes) else text.encode(), "x.yaml")
    assert time.monotonic() - started < GENEROUS_S
    assert len(caught.value.message) < 100_000
    assert len(caught.value.details["problems"]) <= 101
