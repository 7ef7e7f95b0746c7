"""Crontabs as people have them become flows that `validate` accepts, line by line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.cli.crontab import read
from engine.flowfile import compile_flow
from tests.conftest import Wingman

USERS_TABLE = """\
# /etc/crontab: system-wide crontab
SHELL=/bin/sh
PATH=/usr/local/sbin:/usr/local/bin:/sbin:/bin:/usr/sbin:/usr/bin

17 *\t* * *\troot\tcd / && run-parts --report /etc/cron.hourly
25 6\t* * *\troot\ttest -x /usr/sbin/anacron || { cd / && run-parts --report /etc/cron.daily; }
"""
OWN = r"""
SHELL=/bin/bash
MAILTO="ops@example.com"
CRON_TZ=Europe/Zurich
GREETING = 'hello world'

# dump the database
30 2 * * * /usr/local/bin/backup.sh --all > /dev/null 2>&1
@daily   find /tmp -mtime +7 -delete
*/10 * * * 1-5 cd /srv/app && ./poll "$(date +\%F)"
0 9 * * mon cat%Hello,%the report%
@reboot /usr/bin/start
0 0 30 2 * never
this is no line
*/5 * * * * echo ${{ x }} "a: b" # c
MAILTO=
0 1 * * * backup.sh again
"""


def imported(wingman: Wingman, folder: Path, text: str, *more: str) -> list[dict[str, Any]]:
    folder.mkdir(exist_ok=True)
    done = wingman("import", "crontab", "-", "-o", folder, "--json", *more, input=text)
    assert done.returncode in (0, 1), done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def flow(row: dict[str, Any]) -> dict[str, Any]:
    path = Path(row["file"])
    return compile_flow(path.read_bytes(), str(path))


def test_ones_own_crontab_becomes_flows(wingman: Wingman, tmp_path: Path) -> None:
    rows = {row["line"]: row for row in imported(wingman, tmp_path / "flows", OWN)}
    assert sorted(rows) == [8, 9, 10, 11, 12, 13, 14, 15, 17]
    backup = flow(rows[8])
    assert (backup["name"], backup["description"]) == ("backup", "dump the database")
    (trigger,) = backup["triggers"]
    assert (trigger["cron"], trigger["timezone"]) == ("30 2 * * *", "Europe/Zurich")
    assert backup["env"] == {"GREETING": "hello world"}
    assert backup["steps"][0]["shell"] == ["bash"]
    assert "/usr/local/bin/backup.sh --all > /dev/null 2>&1" in backup["steps"][0]["run"]
    assert any("ops@example.com" in note for note in rows[8]["notes"])
    assert flow(rows[9])["triggers"][0]["cron"] == "0 0 * * *"
    assert '"$(date +%F)"' in flow(rows[10])["steps"][0]["run"]
    assert "Hello,\nthe report\n" in flow(rows[11])["steps"][0]["run"]
    assert "no moment in time" in rows[12]["problem"]
    assert "never comes" in rows[13]["problem"]
    assert "no line of a crontab" in rows[14]["problem"]
    assert "${{" not in flow(rows[15])["steps"][0]["run"]
    assert (flow(rows[17])["name"], rows[17]["notes"]) == ("backup-2", [])
    files = [str(row["file"]) for row in rows.values() if row["file"]]
    assert wingman("validate", *files).returncode == 0


def test_a_column_of_users_is_told_and_left_out(wingman: Wingman, tmp_path: Path) -> None:
    rows = imported(wingman, tmp_path / "flows", USERS_TABLE, "--users")
    assert [row["problem"] for row in rows] == ["", ""]
    assert all("user root: it runs as the engine's user" in row["notes"] for row in rows)
    first, second = (flow(row) for row in rows)
    assert first["steps"][0]["run"].strip() == "cd / && run-parts --report /etc/cron.hourly"
    assert second["triggers"][0]["cron"] == "25 6 * * *"
    assert first["env"]["PATH"].startswith("/usr/local/sbin:")


def test_what_a_job_printed_and_read_under_cron_it_does_as_a_flow(
    wingman: Wingman, tmp_path: Path
) -> None:
    (row,) = imported(wingman, tmp_path / "flows", 'A=x\n0 9 * * * cat; echo "$A \\% done"%one%two\n')
    done = wingman("run", row["file"])
    assert done.returncode == 0, done.stderr
    assert "one\ntwo\nx % done" in done.stdout


def test_nothing_is_written_over(wingman: Wingman, tmp_path: Path) -> None:
    folder = tmp_path / "flows"
    imported(wingman, folder, "0 1 * * * backup\n")
    (row,) = imported(wingman, folder, "0 2 * * * backup\n")
    assert Path(row["file"]).name == "backup-2.yaml"
    assert wingman("import", "crontab", tmp_path / "none", "-o", folder).returncode == 2


@pytest.mark.parametrize("text", ["\0 * * * * x", "* * * * *", "=", "@daily", "0 1 * * * %", "é=1"])
def test_no_line_breaks_the_reader(text: str) -> None:
    assert list(read(text, False)) is not None
