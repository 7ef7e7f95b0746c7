"""`wingman retry` follows what it adds to the log, not what was printed before."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import Wingman

FLOW = """
name: mend
steps:
  - {id: a, run: 'echo a before; printf unfinished'}
  - {id: b, run: 'echo b tries; test -e MARK'}
  - {id: c, run: 'echo c after'}
"""


def test_only_what_it_adds_is_printed(wingman: Wingman, tmp_path: Path) -> None:
    mark = tmp_path / "mended"
    file = tmp_path / "mend.yaml"
    file.write_text(FLOW.replace("MARK", str(mark)))
    first = wingman("run", file)
    assert (first.returncode, first.stdout) == (1, "a before\nunfinishedb tries\n")
    again = wingman("retry", "mend@last")
    assert (again.returncode, again.stdout) == (1, "b tries\n")
    mark.touch()
    good = wingman("retry", "mend@last", "--engine", check=True).stdout.splitlines()
    assert good[0] == "[engine] retried by " + good[0].rpartition(" ")[2]
    assert [line for line in good if not line.startswith("[engine]")] == ["b tries", "c after"]
    whole = wingman("logs", "mend@last", check=True).stdout
    assert whole == "a before\nunfinishedb tries\nb tries\nb tries\nc after\n"


def test_a_retry_of_what_printed_nothing_prints_all(wingman: Wingman, tmp_path: Path) -> None:
    mark = tmp_path / "mended"
    file = tmp_path / "still.yaml"
    file.write_text(f"name: still\nsteps: [{{id: a, run: 'test -e {mark}; echo done'}}]\n")
    assert wingman("run", file).returncode == 1
    mark.touch()
    assert wingman("retry", "still@last", check=True).stdout == "done\n"
