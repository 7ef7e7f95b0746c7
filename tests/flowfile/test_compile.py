"""What a right file compiles to."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import FlowFileError
from engine.flowfile import compile_flow, json_schema
from engine.flowfile.durations import seconds, written
from engine.flowfile.formats import current
from engine.flowfile.problems import Problems
from engine.flowfile.yaml_tree import core_value, read_tree
from engine.model import SECTIONS

FLOW = """
name: nightly
description: Dump and ship
type: maintenance
tags: [db, 2024]
inputs:
  database: {type: string, default: app, pattern: "^[a-z]+$"}
  keep: {type: integer, default: 7, minimum: 1, description: How many}
  token: {type: string, sensitive: true}
  hosts: {default: [a, b], items: {type: string}}
env: {PGHOST: db1, PORT: 0123, DEBUG: yes, WHO: "${{ inputs.database }}"}
env_passthrough: [SSH_AUTH_SOCK]
secrets: [DB_PASSWORD]
permissions: {run: [operator, "user:anna"], view: viewer}
python_path: [lib, /opt/lib]
timeout: 1h30m
max_parallel: 4
fail_fast: true
defaults: {timeout: 10m, retry: {max_attempts: 3, delay: 10s}, shell: sh -eu}
steps:
  - id: dump
    run: pg_dump "$database" > dump.sql
    timeout: 20m
    pools: {db: 2}
    retry: {backoff: 2, max_delay: 5m, jitter: 0.1, on: ["exit:75", timeout, my.app.Error]}
    expect: outputs.size > 1024
  - {id: list, needs: [], run: ls, outputs: json, shell: [bash, -c]}
  - id: report
    needs: [dump, list]
    if: steps.dump.state == 'failed' || inputs.keep > 3
    env: {SIZE: "${{ steps.dump.outputs.size }}"}
    continue_on_error: true
    on_interrupt: hold
    run: |
      echo ${{ quote(inputs.database) }} ${{ env.PGHOST }}
  - id: score
    grace: 1s
    python:
      call: scoring.model:score
      args: {day: "${{ execution.date }}", n: [1, "${{ inputs.keep }}"]}
  - {id: script, python: {script: "print(${{ quote(inputs.database) }})"}}
finally:
  - {id: clean, run: "rm -f dump.sql ${{ steps.score.outputs.x }}"}
  - {id: last, run: "true", env: {A: "${{ steps.clean.state }}"}}
outputs: {size: "${{ steps.dump.outputs.size }}", list: [1, "${{ steps.list.outputs }}"]}
runbook: docs/nightly.md
tests:
  - name: works
    inputs: {keep: 3}
    mock: {dump: {outputs: {size: 5}}, list: {error: timeout, times: 2}}
    expect: {state: partial, steps: {score: skipped}}
  - {name: by itself}
"""


@pytest.fixture(scope="module")
def flow() -> dict[str, Any]:
    return compile_flow(FLOW.encode(), "/flows/nightly.yaml")


def steps(flow: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {step["id"]: step for step in flow["steps"] + flow["finally"]}


def test_the_flow(flow: dict[str, Any]) -> None:
    assert {key: flow[key] for key in flow if key not in (*SECTIONS, "inputs")} == {
        "format": 3, "name": "nightly", "version": hashlib.sha256(FLOW.encode()).hexdigest(),
        "source": "/flows/nightly.yaml", "description": "Dump and ship", "type": "maintenance",
        "tags": ["db", "2024"],
        "env": {"PGHOST": "db1", "PORT": "0123", "DEBUG": "yes", "WHO": "${{ inputs.database }}"},
        "timeout_s": 5400.0, "max_parallel": 4, "fail_fast": True, "debug": False,
        "env_passthrough": ["SSH_AUTH_SOCK"],
        "expect": None, "secrets": ["DB_PASSWORD"], "concurrency": None, "requires": None,
        "retention": None, "alerts": [], "environment": [], "permissions": {"run": ["operator", "user:anna"], "view": ["viewer"]},
        "outputs": {"size": "${{ steps.dump.outputs.size }}",
                    "list": [1, "${{ steps.list.outputs }}"]},
        "python_path": ["/flows", "/flows/lib", "/opt/lib"], "runbook": "docs/nightly.md",
        "triggers": [], "tests": [
            {"name": "works", "inputs": {"keep": 3}, "environment": {},
             "mock": {"dump": {"outputs": {"size": 5}, "error": None, "message": "", "times": None,
                               "items": None, "failed_items": []},
                      "list": {"outputs": {}, "error": "timeout", "message": "", "times": 2,
                               "items": None, "failed_items": []}},
             "expect": {"state": "partial", "steps": {"score": "skipped"}, "outputs": {},
                        "error": None}},
            {"name": "by itself", "inputs": {}, "environment": {}, "mock": {},
             "expect": {"state": "completed", "steps": {}, "outputs": {}, "error": None}},
        ],
    }


@pytest.mark.parametrize(("tests", "line", "what"), [
    ("[{name: a, mock: {bb: {}}}]", 3, "no step `bb`"),
    ("[{name: a, expect: {steps: {none: failed}}}]", 3, "no step `none`"),
    ("[{name: a, inputs: {x: 1}}]", 3, "no input `x`"),
    ("[{name: a}, {name: a}]", 3, "two tests are named `a`"),
    ("[{mock: {}}]", 3, "`name` is missing"),
    ("[{name: a, mock: {b: {error: exit7}}}]", 3, "no type of error"),
    ("[{name: a, expect: {state: running}}]", 3, "`running`"),
    ("{name: a}", 3, "a list of tests"),
])
def test_a_test_that_would_prove_nothing_is_refused(tests: str, line: int, what: str) -> None:
    text = f"name: f\nsteps: [{{id: b, run: 'true'}}]\ntests: {tests}\n"
    with pytest.raises(FlowFileError) as refused:
        compile_flow(text.encode(), "/f.yaml")
    assert f"/f.yaml:{line}:" in refused.value.message
    assert what in refused.value.message


def test_inputs(flow: dict[str, Any]) -> None:
    assert flow["inputs"] == [
        {"name": "database", "type": "string", "required": False, "sensitive": False,
         "description": "", "schema": {"pattern": "^[a-z]+$"}, "default": "app"},
        {"name": "keep", "type": "integer", "required": False, "sensitive": False,
         "description": "How many", "schema": {"minimum": 1}, "default": 7},
        {"name": "token", "type": "string", "required": True, "sensitive": True,
         "description": "", "schema": {}},
        {"name": "hosts", "type": "array", "required": False, "sensitive": False,
         "description": "", "schema": {"items": {"type": "string"}}, "default": ["a", "b"]},
    ]


def test_a_step_has_every_key(flow: dict[str, Any]) -> None:
    assert steps(flow)["dump"] == {
        "id": "dump", "path": "dump", "kind": "run", "needs": [], "if": None,
        "waits_for_failure": False, "env": {}, "timeout_s": 1200.0, "grace_s": 10.0,
        "retry": {"max_attempts": 3, "delay_s": 10.0, "backoff": 2, "max_delay_s": 300.0,
                  "jitter": 0.1, "on": ["exit:75", "timeout", "my.app.Error"]},
        "on_interrupt": "retry", "continue_on_error": False, "expect": "outputs.size > 1024",
        "outputs": "lines", "run": 'pg_dump "$database" > dump.sql', "shell": ["sh", "-eu"],
        "python": None, "http": None, "pools": {"db": 2}, "wait": None, "approve": None,
        "flow": None, "parent": None, "clause": None, "on_error": [], "batch": None,
    }
    keys = set(steps(flow)["dump"])
    assert all(set(step) == keys for step in steps(flow).values())


def test_needs_defaults_and_policies(flow: dict[str, Any]) -> None:
    by_id = steps(flow)
    assert {name: step["needs"] for name, step in by_id.items()} == {
        "dump": [], "list": [], "report": ["dump", "list"], "score": ["report"],
        "script": ["score"], "clean": [], "last": ["clean"]}
    assert by_id["report"]["waits_for_failure"]
    assert not by_id["score"]["waits_for_failure"]
    assert by_id["report"]["on_interrupt"] == "hold"
    assert by_id["list"]["outputs"] == "json"
    assert by_id["list"]["shell"] == ["bash"]  # it is added
    assert by_id["list"]["timeout_s"] == 600.0
    assert by_id["score"]["grace_s"] == 1.0
    assert by_id["score"]["python"]["args"] == {"day": "${{ execution.date }}",
                                                "n": [1, "${{ inputs.keep }}"]}


def test_without_retries_an_interrupted_step_fails() -> None:
    flow = compile_flow(b"name: a\nsteps: [{id: a, run: x}]", "")
    assert flow["steps"][0]["on_interrupt"] == "fail"
    assert flow["steps"][0]["shell"] == ["bash", "-euo", "pipefail"]
    assert flow["steps"][0]["retry"]["on"] == ["any"]
    assert (flow["source"], flow["python_path"], flow["timeout_s"]) == ("", [], None)


def test_quote_in_a_script_is_a_python_literal(flow: dict[str, Any]) -> None:
    """A shell's quotes do not hold in Python, where a backslash escapes them."""
    from engine.expression import render

    script = steps(flow)["script"]["python"]["script"]
    for value in ("it's", "\\", "\\' + __import__('os') #", "a\nb", '"""', "name"):
        text = render(script, {"inputs": {"database": value}})
        printed: list[str] = []
        exec(text, {"print": printed.append, "__builtins__": {}})
        assert printed == [value]


def test_a_compiled_flow_is_json_and_stable(flow: dict[str, Any]) -> None:
    assert json.loads(json.dumps(flow)) == flow
    assert json.dumps(compile_flow(FLOW.encode(), "/flows/nightly.yaml")) == json.dumps(flow)


@pytest.mark.parametrize(("text", "value"), [
    ("on", "on"), ("yes", "yes"), ("no", "no"), ("010", 10), ("0o10", 8), ("0x1F", 31), ("1_000",
     "1_000"), ("0b1", "0b1"), ("12:30", "12:30"), ("2024-01-01", "2024-01-01"), ("1e3", 1000.0),
    (".5", 0.5), ("+1", 1), ("-7", -7), ("~", None), ("", None), ("Null", None), ("True", True),
    ("FALSE", False), ("tRue", "tRue"), ("1.", 1.0), ("1.2.3", "1.2.3"), ("-", "-"), ("=", "="),
    ("<<", "<<"), ("9223372036854775807", 2**63 - 1),
])
def test_scalars_follow_yaml_1_2(text: str, value: Any) -> None:
    assert core_value(text) == value
    assert type(core_value(text)) is type(value)


def test_on_is_a_key_like_any_other() -> None:
    root, _ = read_tree(b"on: [push]\nyes: 1\n010: x\ntrue: y\n", Problems(""))
    assert list(root.entries) == ["on", "yes", "010", "true"]  # type: ignore[union-attr]


def test_a_byte_order_mark_is_no_part_of_the_flow() -> None:
    assert compile_flow(b"\xef\xbb\xbfname: a\nsteps: [{id: a, run: x}]", "")["name"] == "a"


@pytest.mark.parametrize(("text", "duration_s"), [
    ("500ms", 0.5), ("10s", 10), ("5m", 300), ("2h", 7200), ("1d", 86400), ("1h30m", 5400),
    ("1.5s", 1.5), ("1w", 604800), ("0s", 0), ("", None), ("10", None), ("s", None), ("30m1h",
     None), ("1h 30m", None), ("-1s", None), ("1e3s", None), ("٣s", None), ("1s\n", None),
])
def test_durations(text: str, duration_s: float | None) -> None:
    assert seconds(text) == duration_s


@given(st.integers(0, 10**9))
def test_a_written_duration_reads_the_same(milliseconds: int) -> None:
    assert seconds(written(milliseconds / 1000)) == milliseconds / 1000


def test_the_schema_knows_every_built_key() -> None:
    schema = json_schema()
    assert {"name", "inputs", "steps", "finally", "defaults"} <= set(schema["properties"])
    assert "alerts" in schema["properties"]
    assert {"schedule", "every", "timezone"} <= set(schema["$defs"]["trigger"]["properties"])
    assert {"id", "run", "python", "needs", "retry"} <= set(schema["$defs"]["step"]["properties"])
    assert json.loads(json.dumps(schema)) == schema


def test_a_compiled_flow_of_an_earlier_engine_gets_what_it_lacks() -> None:
    """Also one of this format: it has grown since it was first written."""
    whole = compile_flow(b"name: a\nsteps: [{id: s, run: 'true'}]", "a.yaml")
    assert current(whole) is whole
    for lost in (["alerts"], ["environment", "triggers", "on_failure"], []):
        older = {key: value for key, value in whole.items() if key not in lost}
        older["steps"] = [
            {key: value for key, value in step.items() if key not in ("batch", "parent")}
            for step in whole["steps"]]
        assert current(older) == whole


def compiled_or_refused(data: bytes) -> Any:
    """The flow as JSON, or the list of its problems; any other error is a fault."""
    try:
        return json.dumps(compile_flow(data, "x.yaml"))
    except FlowFileError as error:
        return error.details["problems"]


yaml_words = st.sampled_from(
    ["name: a", "steps:", "  - id: a", "    run: x", "    if: ", "inputs:", "  x: {type: string}",
     "- ", ": ", "? ", "{", "}", "[", "]", "&a", "*a", "!t", "|", ">", "'", '"', "#", "%", "---",
     "...", "<<", "\n", "\n  ", "\n    ", ",", "${{ ", " }}", "inputs.x", "needs: [a]", "\t", "~",
     "retry: {", "python: {script: ", "finally:", "defaults:", "1", "true", "env:", "\x00", "é"])


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.one_of(st.lists(yaml_words, max_size=40).map("".join).map(str.encode),
                 st.binary(max_size=80), st.text(max_size=80).map(
                     lambda text: text.encode(errors="surrogatepass"))))
def test_anything_gives_a_flow_or_all_its_problems(data: bytes) -> None:
    assert compiled_or_refused(data)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from(["a", "10s", "x ${{ inputs.x }}", "steps.a.state == 'x'", "string", "json"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["id", "run", "python", "call", "script", "args", "needs", "if", "env",
                         "timeout", "retry", "max_attempts", "on", "type", "default", "pattern",
                         "enum", "items", "properties", "steps", "http", "x", "minimum"]),
        inner, max_size=5), max_leaves=20)


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.dictionaries(st.sampled_from(sorted(json_schema()["properties"])), json_values),
       st.lists(st.dictionaries(st.sampled_from(sorted(
           json_schema()["$defs"]["step"]["properties"])), json_values), max_size=3))
def test_any_shape_gives_a_flow_or_all_its_problems(keys: dict[str, Any],
                                                    listed: list[dict[str, Any]]) -> None:
    """JSON is YAML; the right keys with wrong values."""
    if listed:
        keys["steps"] = listed
    assert compiled_or_refused(json.dumps(keys).encode())


def test_checking_inputs_imports_nothing_heavy() -> None:
    program = (
        "import sys; from engine.flowfile.inputs import check_inputs;"
        "one = {'name': 'n', 'type': 'integer', 'required': True, 'sensitive': False,"
        " 'schema': {'minimum': 1}};"
        "assert check_inputs([one], {}, {'n': '7'}) == {'n': 7};"
        "heavy = {'yaml', 'pydantic', 're2', 'asyncio', 'typer'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_policies_are_complete() -> None:
    text = (b"name: p\nconcurrency: {limit: 2}\nretention: {days: 90}\nrequires: {programs: zstd, hosts: ['[::1]:443']}\n"
            b"steps: [{id: a, http: {url: 'https://x/', body: {a: 1}, verify: ca.pem}}]\n")
    flow = compile_flow(text, "/flows/p.yaml")
    assert flow["concurrency"] == {"group": "p", "limit": 2, "on_conflict": "queue"}
    assert flow["retention"] == {"days": 90}
    assert flow["requires"] == {
        "programs": ["zstd"], "files": [], "hosts": ["[::1]:443"], "flows": []}
    assert flow["steps"][0]["http"] == {
        "method": "POST", "url": "https://x/", "headers": {}, "query": {}, "body": {"a": 1},
        "body_file": None, "auth": None, "expect_status": ["2xx"], "save": None,
        "redirects": True, "verify": "/flows/ca.pem", "proxy": None}


def test_the_values_of_the_server_that_a_flow_names_are_listed() -> None:
    text = (
        "name: f\nenv: {HOST: '${{ environment.db_host }}'}\nsteps:\n"
        "  - {id: a, run: 'x', if: environment.name == 'prod' && environment.keep > 1}\n"
    )
    assert compile_flow(text.encode(), "/f.yaml")["environment"] == ["db_host", "keep", "name"]
