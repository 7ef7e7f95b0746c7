"""Who comes from another program is told what its keys are called here."""

from __future__ import annotations

import pytest

from engine.flowfile.familiar import called_here
from tests.flowfile.test_problems import HEAD, problems


def test_each_key_of_another_program_is_told_its_own() -> None:
    steps = "steps:\n  - id: a\n    run: x\n    depends_on: []\n    with-items: [1]\n    retry: {attempts: 3}\n"
    assert problems(HEAD + "schedule: daily\n" + steps) == [
        "2:1: a flow has no key `schedule` (it is called `triggers` here)",
        "6:5: a `run` step has no key `depends_on` (it is called `needs` here)",
        "7:5: a `run` step has no key `with-items` (it is called `batch` here)",
        "8:12: `retry` without `max_attempts` tries once (add max_attempts: 3)",
        "8:13: a retry has no key `attempts` (it is called `max_attempts` here)",
    ]


def test_a_step_whose_command_has_another_name_is_told_both() -> None:
    assert problems(HEAD + "steps: [{id: a, command: x}]\n") == [
        "2:9: the step says nothing to do (add `run:` or `python:`)",
        "2:17: a step has no key `command` (it is called `run` here)",
    ]


@pytest.mark.parametrize("word", ["maxActiveRuns", "max_active_runs", "max-active-runs"])
def test_however_it_is_written(word: str) -> None:
    assert called_here(word, {"concurrency"}) == "it is called `concurrency` here"


def test_what_is_not_known_there_is_not_offered() -> None:
    assert called_here("depends_on", {"run", "id"}) == ""
    assert called_here("x" * 1000, {"run"}) == ""
