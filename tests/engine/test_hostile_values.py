"""Values, names and bytes that nobody expects: a bad one may cost its own step, and no more."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

from engine.errors import InputError, UsageError
from engine.paths import Home
from tests.conftest import ROOT
from tests.engine.api import Engine, step_of, until


def script(code: str) -> str:
    lines = "".join(f"        {line}\n" for line in code.splitlines())
    return f"steps:\n  - id: s\n    python:\n      script: |\n{lines}"


RETURNED = {
    "half a character": "outputs['n'] = '\\ud800'",
    "half a character as a name": "outputs['\\udfff'] = 1",
    "beyond 64 bits": "outputs['n'] = 2 ** 100",
    "no number": "outputs['n'] = float('nan')",
    "deep": "x = []\nfor _ in range(500): x = [x]\noutputs['n'] = x",
    "deeper": "x = []\nfor _ in range(50000): x = [x]\noutputs['n'] = x",
    "a circle": "x = []\nx.append(x)\noutputs['n'] = x",
    "bytes": "outputs['n'] = b'x'",
    "large": "outputs['n'] = 'x' * 3_000_000",
    "words of half characters": "raise ValueError('\\ud800 \\0 \\udcff' + 'x' * 3_000_000)",
}


def test_what_a_python_step_may_not_return_fails_that_step_alone(engine: Engine) -> None:
    started = {name: engine.start(script(code))["id"] for name, code in RETURNED.items()}
    for name, id_ in started.items():
        found = engine.ended(id_)
        assert found["state"] == "failed", name
        error = step_of(found, "s")["error"]
        assert error["type"] in ("output", "ValueError"), name
        assert error["message"], name
    good = engine.run(script("outputs['n'] = 'a\\0b \\U0001f600'"))
    assert step_of(good, "s")["outputs"] == {"n": "a\0b \U0001f600"}


@pytest.mark.parametrize(
    "request_",
    [
        {"trigger": "x" * 33},
        {"trigger": "a\0b"},
        {"trigger": "no words"},
        {"source": "/f\0.yaml"},
        {"source": "f" * 5000},
    ],
)
def test_words_of_a_request_that_are_none_are_refused(
    engine: Engine, request_: dict[str, Any]
) -> None:
    with pytest.raises(UsageError):
        engine.start("steps: [{id: s, run: 'true'}]", **request_)


def test_inputs_that_no_variable_can_hold_are_refused(engine: Engine) -> None:
    for value in ("a\0b", "x" * 130_000):
        with pytest.raises(InputError):
            engine.start(
                "inputs: {n: {type: string}}\nsteps: [{id: s, run: x}]", inputs={"n": value}
            )


def test_files_whose_names_are_no_text_are_listed_and_harm_no_other(
    engine: Engine, home: Home
) -> None:
    folder = os.fsencode(home.flows)
    for name in (b"bad\xff.yaml", b"[bold red]\x1b[31m.yaml", b"new\nline.yaml"):
        with open(os.path.join(folder, name), "wb") as file:
            file.write(b"steps: [{id: s, run: 'true'}]")
    (home.flows / "good.yaml").write_text("steps: [{id: s, run: 'true'}]")
    flows = {flow["name"]: flow for flow in engine.get("/v1/flows")["flows"]}
    assert flows["good"]["problems"] == []
    assert len([flow for flow in flows.values() if flow["problems"] and not flow["standard"]]) == 3
    started = engine.post("/v1/executions", {"flow": "good"})
    assert engine.ended(started["id"])["state"] == "completed"


def test_a_variable_that_is_no_text_reaches_a_step_as_it_is(home: Home) -> None:
    home.config_file.write_text('env_passthrough = ["ODD"]\n')
    environment = {
        **os.environb,
        b"ODD": b"a\xff\xfeb",
        b"WINGMAN_HOME": os.fsencode(home.root),
        b"PYTHONPATH": os.fsencode(ROOT),
    }
    with open(home.system_log, "ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "engine.life"], env=environment, stdout=log, stderr=log
        )
    until(home.socket.exists)
    engine = Engine(home)
    found = engine.run("steps: [{id: s, run: 'printf %s \"$ODD\" | od -An -tx1'}]", debug=True)
    assert found["state"] == "completed"
    assert "61 ff fe 62" in engine.log(found["id"])
    engine.log(found["id"], "engine=true")
    engine.stop()
    process.wait(30)
