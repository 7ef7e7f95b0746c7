"""Steps inside of steps: groups, error paths, and the sections after `steps`."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import FlowFileError
from engine.flowfile import compile_flow


def compiled(text: str) -> dict[str, Any]:
    return compile_flow(("name: n\n" + text).encode(), "n.yaml")


def problems(text: str) -> list[str]:
    with pytest.raises(FlowFileError) as caught:
        compiled(text)
    return [f"{p['line']}: {p['what']}" for p in caught.value.details["problems"]]


FLOW = """\
steps:
  - {id: dump, run: x}
  - id: checks
    env: {A: "1", B: "1"}
    parallel:
      - {id: disk, run: x, env: {B: "2"}}
      - id: deep
        steps:
          - {id: one, run: x}
          - {id: two, run: x}
      - {id: memory, needs: [disk], run: 'x ${{ steps.disk.outputs.n }}'}
  - id: upload
    run: x
    on_error:
      - match: timeout
        steps:
          - {id: spool, run: 'x "$WINGMAN_ERROR_MESSAGE" ${{ error.type }}'}
          - {id: tell, run: 'x ${{ quote(error.message) }} ${{ steps.upload.state }}'}
        then: fail
      - steps: [{id: other, run: x}]
  - {id: last, run: 'x ${{ steps.two.outputs.n }} ${{ steps.checks.state }}'}
on_failure: [{id: mail, run: 'x ${{ error.step }}', if: steps.checks.state == 'failed'}]
finally: [{id: clean, run: 'x ${{ steps.mail.state }}'}]
"""


def test_nested_steps_become_a_flat_list_with_paths_and_parents() -> None:
    flow = compiled(FLOW)
    steps = {step["path"]: step for step in flow["steps"]}
    assert {path: (step["parent"], step["clause"]) for path, step in steps.items()} == {
        "dump": (None, None), "checks": (None, None), "checks/disk": ("checks", None),
        "checks/deep": ("checks", None), "checks/deep/one": ("checks/deep", None),
        "checks/deep/two": ("checks/deep", None), "checks/memory": ("checks", None),
        "upload": (None, None), "upload/spool": ("upload", 0), "upload/tell": ("upload", 0),
        "upload/other": ("upload", 1), "last": (None, None),
    }  # fmt: skip
    assert {path: step["needs"] for path, step in steps.items() if step["needs"]} == {
        "checks": ["dump"], "checks/deep/two": ["checks/deep/one"], "upload": ["checks"],
        "checks/memory": ["checks/disk"], "upload/tell": ["upload/spool"], "last": ["upload"],
    }  # fmt: skip
    assert steps["checks"]["kind"] == "parallel"
    assert steps["checks/deep"]["kind"] == "steps"
    assert steps["checks/disk"]["env"] == {"A": "1", "B": "2"}
    assert steps["checks/deep/one"]["env"] == {"A": "1", "B": "1"}
    assert steps["upload"]["on_error"] == [
        {"match": ["timeout"], "then": "fail"}, {"match": ["any"], "then": "continue"}]
    assert [step["id"] for step in flow["on_failure"]] == ["mail"]
    assert not steps["last"]["waits_for_failure"]


def test_only_the_state_of_a_need_decides_after_a_failure_or_of_what_is_inside_of_one() -> None:
    flow = compiled(
        "steps:\n  - {id: a, run: x}\n  - {id: g, parallel: [{id: c, run: x}]}\n"
        "  - {id: far, needs: [g], run: x, if: steps.a.state == 'completed'}\n"
        "  - {id: near, needs: [g], run: x, if: steps.g.state == 'failed'}\n"
        "  - {id: inside, needs: [g], run: x, if: steps.c.state == 'failed'}\n"
    )
    decides = {step["path"]: step["waits_for_failure"] for step in flow["steps"] if step["if"]}
    assert decides == {"far": False, "near": True, "inside": True}


WRONG = {
    "an id twice": (
        "steps:\n  - {id: a, run: x}\n  - id: g\n    steps:\n      - {id: a, run: x}\n",
        ["6: the step id `a` is there twice"]),
    "an empty group": ("steps: [{id: g, parallel: []}]\n", ["2: `parallel` is empty"]),
    "no handler": ("steps: [{id: a, run: x, on_error: [{steps: []}]}]\n", ["2: `steps` is empty"]),
    "a handler without steps": (
        "steps: [{id: a, run: x, on_error: [{match: any}]}]\n", ["2: `steps` is missing"]),
    "a key that groups have not": (
        "steps: [{id: g, timeout: 5s, parallel: [{id: a, run: x}]}]\n",
        ["2: a `parallel` step has no key `timeout`"]),
    "its own group": (
        "steps: [{id: g, parallel: [{id: a, needs: [g], run: x}]}]\n",
        ["2: `a` is inside of `g` and cannot wait for its end"]),
    "around a corner": (
        "steps:\n  - {id: b, needs: [g], run: x}\n"
        "  - {id: g, needs: [], parallel: [{id: a, needs: [b], run: x}]}\n",
        ["3: the steps need each other in a circle: b → g → a"]),
    "before the group": (
        "steps:\n  - {id: b, needs: [a], run: x}\n  - {id: g, parallel: [{id: a, run: x}]}\n",
        ["3: the steps need each other in a circle: b → a → g"]),
    "outputs of a group": (
        "steps:\n  - {id: g, parallel: [{id: a, run: x}]}\n"
        "  - {id: b, run: 'x ${{ steps.g.outputs.n }}'}\n",
        ["4: the group `g` has no outputs of its own"]),
    "beside, not after": (
        "steps: [{id: g, parallel: [{id: a, run: x}, {id: b, run: 'x ${{ steps.a.outputs.n }}'}]}]\n",
        ["2: `b` does not need `a`, so it may run before it"]),
    "an error where none is": (
        "steps: [{id: a, run: 'x ${{ error.type }}'}]\n", ["2: there is no `error` here"]),
    "no such part of an error": (
        "steps: [{id: a, run: x}]\nfinally: [{id: b, run: 'x ${{ error.code }}'}]\n",
        ["3: there is no error `code`"]),
    "an error's text in a command": (
        "steps: [{id: a, run: x}]\nfinally: [{id: b, run: 'x ${{ error.message }}'}]\n",
        ["3: `error.message` is pasted into `run:`, where its text would be executed"]),
    "a section that comes later": (
        "steps: [{id: a, run: x}]\non_failure: [{id: b, if: steps.c.state == 'x', run: x}]\n"
        "finally: [{id: c, run: x}]\n",
        ["3: `c` is in `finally`, which comes later"]),
    "a need in another section": (
        "steps: [{id: a, run: x}]\non_failure: [{id: b, needs: [a], run: x}]\n",
        ["3: `a` is in `steps`, which cannot be needed here"]),
    "no type of error": (
        "steps: [{id: a, run: x, on_error: [{match: boom, steps: [{id: b, run: x}]}]}]\n",
        ["2: `boom` is no type of error"]),
    "two things at once": (
        "steps: [{id: a, run: x, steps: [{id: b, run: x}]}]\n",
        ["2: a step does one thing: this one has `run` and `steps`"]),
}  # fmt: skip

WRONG |= {
    "a batch of nothing": (
        "steps: [{id: a, run: x, batch: {size: 3}}]\n", ["2: `items` is missing"]),
    "items that are a text": (
        "steps: [{id: a, run: x, batch: {items: abc}}]\n",
        ["2: a list, `${{ … }}` or {file: …} is expected, not the text `abc`"]),
    "a share of more than all": (
        "steps: [{id: a, run: x, batch: {items: [1], tolerate: 120%}}]\n",
        ["2: a count of items or a share such as 5% is expected, not the text `120%`"]),
    "batches of a wait": (
        "steps: [{id: a, wait: 1s, batch: {items: [1]}}]\n", ["2: `wait` steps have no batches"]),
    "an item without a batch": (
        "steps: [{id: a, run: 'x ${{ item }}'}]\n", ["2: there is no `item` here"]),
    "one item of several": (
        "steps: [{id: a, run: 'x ${{ quote(item) }}', batch: {items: [1], size: 2}}]\n",
        ["2: there is no `item` where a batch has several"]),
    "an item as a command": (
        "steps: [{id: a, run: 'x ${{ item }}', batch: {items: [1]}}]\n",
        ["2: `item` is pasted into `run:`, where its text would be executed"]),
    "items of a step that comes later": (
        "steps: [{id: a, run: x, batch: {items: '${{ steps.b.outputs.n }}'}}, {id: b, run: x}]\n",
        ["2: `a` does not need `b`, so it may run before it"]),
}  # fmt: skip


def test_a_batch_is_compiled_with_all_that_is_left_out() -> None:
    flow = compiled("steps: [{id: a, run: x, batch: {items: {file: 'in/${{ inputs.x }}.CSV'}}}]\n"
                    "inputs: {x: {default: y}}\n")
    assert flow["steps"][0]["batch"] == {
        "items": None, "file": "in/${{ inputs.x }}.CSV", "format": "csv", "size": 1,
        "max_parallel": None, "tolerate": {"count": 0, "share": None}, "items_format": "json",
        "uses_items": False,
    }  # fmt: skip
    flow = compiled("steps: [{id: a, env: {X: '${{ items }}'}, run: x, "
                    "batch: {items: [1, b], size: 2, tolerate: 2.5%}}]\n")
    batch = flow["steps"][0]["batch"]
    assert (batch["items"], batch["tolerate"]) == ([1, "b"], {"count": 0, "share": 0.025})
    assert batch["uses_items"]


@pytest.mark.parametrize("case", WRONG)
def test_each_problem_is_told_with_its_place(case: str) -> None:
    text, expected = WRONG[case]
    found = problems(text)
    assert [line[: len(want)] for line, want in zip(found, expected, strict=True)] == expected


def test_groups_are_nested_eight_deep_at_most() -> None:
    text = "steps: [" + "{id: g%d, steps: [" * 10 % tuple(range(10)) + "{id: a, run: x}" + "]}" * 10
    assert problems(text + "]\n") == ["2: steps are nested more than 8 levels deep"]


def test_a_timeout_of_a_group_belongs_to_the_steps_in_it() -> None:
    with pytest.raises(FlowFileError) as caught:
        compiled("steps: [{id: g, timeout: 5s, parallel: [{id: a, run: x}]}]\n")
    (problem,) = caught.value.details["problems"]
    assert problem["hint"] == "give it to the steps in the group"
