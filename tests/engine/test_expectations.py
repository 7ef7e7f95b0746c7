"""A costly `expect` while the engine dies: the end is recorded once, and the step runs once."""

from __future__ import annotations

import json

from tests.engine.api import Engine, states, step_of

FILES = "python3 -c 'import json; print(json.dumps(dict(files=[str(n) for n in range(900)])))'"


def test_a_costly_expectation_is_answered_and_a_false_one_tells_its_values(engine: Engine) -> None:
    flow = {
        "steps": [
            {"id": "good", "run": FILES, "outputs": "json",
             "expect": "size(outputs.files.filter(f, f.endsWith('9'))) == 90"},
            {"id": "bad", "needs": [], "run": FILES, "outputs": "json",
             "expect": "outputs.files.all(f, f == '0')"},
            {"id": "after", "needs": ["good"], "run": "true"},
        ],
        "outputs": {},
    }  # fmt: skip
    ended = engine.run(json.dumps(flow))
    assert states(ended) == {"good": "completed", "bad": "failed", "after": "completed"}
    error = step_of(ended, "bad")["error"]
    assert error["type"] == "expect"
    assert "outputs.files = [… 900 elements] (list)" in error["message"]
    good, after = step_of(ended, "good"), step_of(ended, "after")
    assert good["attempts"] == 1
    assert good["ended_at"] <= after["started_at"]
    events = engine.get("/v1/events?limit=1000")["events"]
    types = [event["type"] for event in events if event["data"].get("step") == "good"]
    assert types == ["attempt.starting", "attempt.checking", "attempt.ended"]


def test_costly_outputs_of_a_flow_are_answered(engine: Engine) -> None:
    flow = {
        "steps": [{"id": "a", "run": FILES, "outputs": "json"}],
        "outputs": {"n": "${{ size(steps.a.outputs.files.filter(f, f.endsWith('9'))) }}"},
    }
    ended = engine.run(json.dumps(flow))
    assert (ended["state"], ended["outputs"]) == ("completed", {"n": 90})
