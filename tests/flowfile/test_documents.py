"""What the documents say about flow files is true."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from engine.flowfile import compile_flow, json_schema
from engine.flowfile.fields import BUILT
from engine.flowfile.problems import Problems
from engine.flowfile.readers import Reading, plain
from engine.flowfile.reference import MARKER, reference
from engine.flowfile.schema import FLOW, KINDS, STEP_KEYS
from engine.flowfile.yaml_tree import read_tree

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "custom-flows.md").read_text(encoding="utf-8")
STANDARD = sorted((ROOT / "engine" / "standard").glob("*.yaml"))
EXAMPLES = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: text.split("\n")[0])
def test_every_example_compiles(example: str) -> None:
    assert compile_flow(example.encode(), "/flows/example.yaml")["steps"]


def test_the_reference_is_current() -> None:
    """Else: python -m engine.flowfile.reference --write docs/custom-flows.md"""
    assert GUIDE.split(MARKER)[1].strip() == reference().strip()


@pytest.mark.parametrize("example", [*EXAMPLES, *(
    path.read_text(encoding="utf-8") for path in STANDARD)], ids=lambda text: text.split("\n")[0])
def test_the_schema_for_editors_takes_what_compiles(example: str) -> None:
    problems = Problems("")
    root, _ = read_tree(example.encode(), problems)
    assert root is not None
    jsonschema_rs.validate(json_schema(), plain(root, Reading(problems)))


@pytest.mark.parametrize("wrong", [
    {"steps": [{"id": "a"}]}, {"steps": [{"id": "a", "run": "x", "http": {}}]}, {"nme": "x"},
    {"steps": [{"id": "a", "run": "x", "timeout": 10}]}, {"name": "A B", "steps": []},
    {"steps": [{"id": "a", "run": "x", "retry": {"max_attempts": 0}}]},
    {"steps": []}, {"steps": [{"id": "a-b", "run": "x"}]}, {"steps": [{"id": "a", "parallel": []}]},
    *({"inputs": {name: {}}, "steps": [{"id": "a", "run": "x"}]} for name in ("in", "PATH", "1a")),
    {"steps": [{"id": "a", "run": "x", "retry": {"on": ["exit:256"]}}]},
    {"steps": [{"id": "a", "run": "x", "env": {"WINGMAN_STEP": "b"}}]},
])
def test_the_schema_for_editors_refuses_what_does_not(wrong: dict[str, Any]) -> None:
    with pytest.raises(jsonschema_rs.ValidationError):
        jsonschema_rs.validate(json_schema(), wrong)


def test_the_reference_names_everything() -> None:
    text = reference()
    for key in (*FLOW.values(), *STEP_KEYS):
        assert f"`{key.name}`" in text
    assert all(f"`{kind.name}`" in text for kind in KINDS.values())


@pytest.mark.parametrize("path", STANDARD, ids=lambda path: path.name)
def test_every_standard_flow_compiles(path: Path) -> None:
    assert compile_flow(path.read_bytes(), str(path))["steps"]


def test_what_is_not_built_is_refused_with_advice() -> None:
    for kind in KINDS.values():
        assert kind.status == BUILT or kind.hint
    for key in (*FLOW.values(), *STEP_KEYS):
        assert key.status == BUILT or key.hint
