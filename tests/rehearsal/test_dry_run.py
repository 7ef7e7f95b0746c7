"""What a start would do: all that is known is put in, and what is not is named."""

from __future__ import annotations

from typing import Any

from engine.flowfile import compile_flow
from engine.rehearsal.dry_run import dry_run

FLOW = """
name: ship
inputs: {size: {type: integer, default: 5}, host: {type: string, default: db1}}
env: {LEVEL: "${{ inputs.size * 2 }}"}
steps:
  - {id: dump, run: 'dump ${{ quote(inputs.host) }} $LEVEL', env: {L: "${{ env.LEVEL }}"}}
  - {id: list, needs: [], run: ls, if: inputs.size > 9}
  - id: score
    needs: [dump, list]
    if: steps.dump.outputs.size > 1
    python:
      call: a.b:c
      args: {n: "${{ inputs.size }}", all: ["${{ steps.dump.outputs.size }}"], day: "at ${{ now() }}"}
finally: [{id: clean, run: "rm ${{ execution.id }}"}]
"""


def planned(text: str = FLOW, **inputs: Any) -> dict[str, Any]:
    definition = compile_flow(text.encode(), "/ship.yaml")
    return dry_run(definition, {"size": 5, "host": "db1", **inputs}, {}, 1_767_225_600_000_000)


def steps(plan: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {step["path"]: step for step in plan["steps"]}


def test_known_values_are_put_in_and_the_rest_is_named() -> None:
    plan = planned(host="it's")
    found = steps(plan)
    assert plan["env"] == {"LEVEL": 10}
    assert found["dump"]["does"]["run"] == "dump 'it'\"'\"'s' $LEVEL"
    assert str(found["dump"]["env"]["L"]) == "10"
    assert found["score"]["does"]["python"]["args"] == {
        "n": 5, "all": ["${{ steps.dump.outputs.size }}"], "day": "at ${{ now() }}"
    }  # fmt: skip
    assert found["score"]["unknown"] == ["steps.dump.outputs.size", "now()"]
    assert found["clean"]["unknown"] == ["execution.id"]
    assert plan["problems"] == []


def test_order_and_conditions() -> None:
    found = steps(planned())
    assert {path: step["order"] for path, step in found.items()} == {
        "dump": 1, "list": 1, "score": 2, "clean": 3,
    }  # fmt: skip
    assert found["list"]["if"] == {"text": "inputs.size > 9", "value": False, "unknown": []}
    assert found["score"]["if"]["value"] is None
    assert found["score"]["if"]["unknown"] == ["steps.dump.outputs.size"]
    assert found["dump"]["if"] is None


def test_what_would_fail_is_told_unless_its_step_is_skipped() -> None:
    text = FLOW.replace(
        "dump ${{ quote(inputs.host) }}", "dump ${{ quote(1 / (inputs.size - 5)) }}"
    )
    plan = planned(text)
    assert len(plan["problems"]) == 1
    assert plan["problems"][0].startswith("dump: ")
    assert "division by zero" in plan["problems"][0]
    assert planned(text.replace("{id: dump,", "{id: dump, if: false,"))["problems"] == []


def test_a_wide_and_a_deep_flow_are_ordered() -> None:
    text = "name: deep\nsteps:\n" + "".join(f"  - {{id: s{n}, run: x}}\n" for n in range(2000))
    assert planned(text)["steps"][-1]["order"] == 2000
