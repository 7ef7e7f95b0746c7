"""What may be said where a flow, an execution or a step is meant, and how a wrong one is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.flowtext import TALK, TRUE, write
from tests.conftest import Wingman


@pytest.mark.parametrize("reference", ["", "a/b", "../x", "nothing/logs", "/", "nothing#x", "%2F"])
def test_what_names_nothing_is_exit_2_at_every_command(wingman: Wingman, reference: str) -> None:
    wingman("engine", "start", check=True)
    for words in (
        ["show"], ["logs"], ["why"], ["diff"], ["retry"], ["rerun"], ["resume"], ["cancel"],
        ["kill"], ["pause"], ["continue"], ["flows"] if reference else ["debug"],
    ):  # fmt: skip
        tail = ["on"] if words == ["debug"] else []
        done = wingman(*words, reference, *tail)
        assert (done.returncode, done.stdout) == (2, ""), (words, done.stderr)
        assert "Method" not in done.stderr


def test_a_flow_is_no_execution_but_has_a_newest_one(wingman: Wingman, tmp_path: Path) -> None:
    wingman("run", write(tmp_path, TRUE), check=True)
    done = wingman("show", "nothing")
    assert (done.returncode, "nothing@last" in done.stderr) == (2, True)


def test_a_step_that_is_not_there_is_no_empty_log(wingman: Wingman, tmp_path: Path) -> None:
    wingman("run", write(tmp_path, TALK), check=True)
    done = wingman("logs", "talk@last", "--step", "gret")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no step 'gret'" in done.stderr
    assert "did you mean greet?" in done.stderr
    done = wingman("logs", "talk@last", "-f", "--step", "x")
    assert (done.returncode, "one of greet, after" in done.stderr) == (2, True)
    assert wingman("logs", "talk@last", "--step", "after").stdout == "ERROR only in words\n"
    done = wingman("logs", "talk@last", "--grep", "(")
    assert (done.returncode, "missing ): (" in done.stderr, "b'" in done.stderr) == (2, True, False)


@pytest.mark.parametrize("line", ['name: "quoted"', "name:   quoted", '{"name": "quoted",'])
def test_a_flow_is_found_by_its_name_however_it_is_written(wingman: Wingman, line: str) -> None:
    text = f"{line}\nsteps: [{{id: a, run: 'true'}}]" + ("}" if line.startswith("{") else "")
    (wingman.home.flows / "other.yaml").write_text(text)
    assert wingman("run", "quoted").returncode == 0
    assert wingman("run", "other").returncode == 2


def test_a_list_of_nothing_says_why_it_is_empty(wingman: Wingman, tmp_path: Path) -> None:
    assert "start one" in wingman("list").stderr
    wingman("run", write(tmp_path, TRUE), check=True)
    assert "no execution fits" in wingman("list", "--flow", "nowhere").stderr
    done = wingman("list", "--limit", "0")
    assert (done.returncode, "at least 1" in done.stderr) == (2, True)
