"""What is given to commands: inputs from words, files and pipes, and words that mean nothing."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.cli.flowtext import TALK, write
from tests.conftest import Wingman


def json_of(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("inputs.json", '{"who": "all", "times": 2}'),
        ("inputs.yaml", "who: all\ntimes: 2\n"),
        ("inputs.txt", "# as lines\nwho=all\ntimes=2\n"),
        ("-", '{"who": "all", "times": 2}'),
    ],
)
def test_inputs_come_from_a_file_too(
    wingman: Wingman, tmp_path: Path, name: str, text: str
) -> None:
    if name != "-":
        (tmp_path / name).write_text(text)
    done = wingman(
        "run", write(tmp_path, TALK), "--json", "--inputs-file", name, "-i", "who=one",
        input=text if name == "-" else None, cwd=tmp_path,
    )  # fmt: skip
    assert json_of(done)["inputs"] == {"who": "one", "times": 2}


def test_one_value_comes_in_on_standard_input(wingman: Wingman, tmp_path: Path) -> None:
    words = ["run", write(tmp_path, TALK), "--json", "-i", "times=1", "-i", "who"]
    assert json_of(wingman(*words, input="a b=c\n"))["inputs"]["who"] == "a b=c"
    assert json_of(wingman(*words, input="a\n\n"))["inputs"]["who"] == "a\n"
    for more, text, message in (
        ((), "", "-i who: the value is missing"),
        (("-i", "times"), "x", "-i times: standard input was read already"),
        (("--inputs-file", "-"), "who=x\n", "-i who: standard input was read already"),
    ):
        refused = wingman(*words, *more, input=text)
        assert (refused.returncode, message in refused.stderr) == (2, True), refused.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("who: &a x\ntimes: 2\n", "inputs.yaml:1:6: the anchor `&a` is not taken"),
        ("who: x\nwho: y\n", "inputs.yaml:2:1: the key `who` is there twice"),
        ("who: .nan\n", "inputs.yaml:1:6: `.nan` is no finite number"),
        ("- who\n", "must hold one object"),
        ("who: [\n", "inputs.yaml:2:1: "),
    ],
)
def test_a_file_of_inputs_is_read_like_a_flow_file(
    wingman: Wingman, tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "inputs.yaml").write_text(text)
    words = ["run", write(tmp_path, TALK), "--inputs-file", "inputs.yaml", "--json"]
    done = wingman(*words, cwd=tmp_path)
    assert (done.returncode, message in done.stderr) == (2, True), done.stderr
    (tmp_path / "inputs.yaml").write_text("who: on\ntimes: 1\n")
    assert json_of(wingman(*words, cwd=tmp_path))["inputs"] == {"who": "on", "times": 1}


def test_a_filter_that_nothing_fits_says_which_word_there_is_not(
    wingman: Wingman, tmp_path: Path
) -> None:
    wingman("run", write(tmp_path, TALK))
    refused = wingman("list", "--trigger", "manual,shedule", "--flow", "fail", "--json")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "no trigger 'shedule'" in refused.stderr
    assert "did you mean schedule?" in refused.stderr
    told = wingman("list", "--flow", "retry-dem", "--type", "dem")
    assert (told.returncode, told.stdout) == (0, "")
    assert "no flow retry-dem (did you mean retry-demo?)" in told.stderr
    assert "no type dem (did you mean demo?)" in told.stderr
    # it has run from a file, and no flow folder knows it
    assert "there is no" not in wingman("list", "--flow", "talk", "--until", "1h").stderr
