"""Crontabs as people have them become flows that `validate` accepts, line by line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.cli.crontab import read
from engine.cli.import_ import machine_zone
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
    here = () if "--timezone" in more else ("--timezone", "UTC")
    done = wingman("import", "crontab", "-", "-o", folder, "--json", *here, *more, input=text)
    assert done.returncode in (0, 1), done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def flow(row: dict[str, Any]) -> dict[str, Any]:
    path = Path(row["file"])
    return compile_flow(path.read_bytes(), str(path))


def test_ones_own_crontab_becomes_flows(wingman: Wingman, tmp_path: Path) -> None:
    rows = {row["line"]: row for row in imported(wingman, tmp_path / "flows", OWN)}
    assert sorted(rows) == [3, 8, 9, 10, 11, 12, 13, 14, 15, 17]
    backup = flow(rows[8])
    assert (backup["name"], backup["description"]) == ("backup", "dump the database")
    (trigger,) = backup["triggers"]
    assert (trigger["cron"], trigger["timezone"]) == ("30 2 * * *", "Europe/Zurich")
    assert backup["env"] == {"GREETING": "hello world"}
    assert backup["steps"][0]["shell"] == ["bash"]
    assert "/usr/local/bin/backup.sh --all > /dev/null 2>&1" in backup["steps"][0]["run"]
    assert rows[8]["notes"] == [], "what is said of a variable is said once, at its line"
    assert "ops@example.com: nobody is mailed" in rows[3]["notes"][0]
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


CRONTABS = Path(__file__).parent / "crontabs"


def test_the_crontab_of_a_system_and_what_packages_add_to_it(
    wingman: Wingman, tmp_path: Path
) -> None:
    """Debian's own, and lines as e2fsprogs, certbot, sysstat, mdadm, php and munin bring them."""
    text = (CRONTABS / "system.cron").read_text()
    rows = imported(wingman, tmp_path / "flows", text, "--users")
    jobs = [n for n, line in enumerate(text.splitlines(), 1) if line and line[0] in "0123456789*@"]
    assert [row["line"] for row in rows] == jobs
    assert [row["line"] for row in rows if row["problem"]] == [
        n for n in jobs if "@reboot" in text.splitlines()[n - 1]]  # fmt: skip
    flows = {flow(row)["name"]: flow(row) for row in rows if row["file"]}
    assert set(flows) >= {"run-parts", "e2scrub-all-cron", "certbot", "debian-sa1", "checkarray",
                          "sessionclean", "munin-cron", "gate-news"}  # fmt: skip
    assert "$(date +%d) -le 7" in flows["checkarray"]["steps"][0]["run"]
    assert flows["sessionclean"]["triggers"][0]["cron"] == "09,39 * * * *"
    assert flows["gate-news"]["triggers"][0]["cron"] == "1-59/2 * * * *"
    assert {each["description"][:9] for each in flows.values()} == {"from line"}
    files = [str(row["file"]) for row in rows if row["file"]]
    assert wingman("validate", *files).returncode == 0


def test_a_persons_crontab_with_all_that_crons_have_invented(
    wingman: Wingman, tmp_path: Path
) -> None:
    text = (CRONTABS / "own.cron").read_text()
    rows = {row["line"]: row for row in imported(wingman, tmp_path / "flows", text)}
    lines = dict(enumerate(text.splitlines(), 1))
    refused = {lines[n].split()[-1]: row["problem"] for n, row in rows.items() if row["problem"]}
    assert {name: what[:24] for name, what in refused.items()} == {
        "random-minute": "`~`, a time by chance: c", "jenkins": "`H` is no minute of a cr",
        "freebsd": "there is no `@every_minu", "never": "`0 0 31 2 *` never comes",
        "wrong-minute": "`60` is no minute of a c", "four-fields": "is no line of a crontab:",
        "*": "is no line of a crontab:", "silent": "there is no time zone `N",
    }  # fmt: skip
    told = {lines[n].partition("=")[0]: row["notes"] for n, row in rows.items()
            if not (row["problem"] or row["file"])}  # fmt: skip
    assert sorted(told) == ["BASH_ENV", "MAILFROM", "MAILTO"]
    flows = {flow(row)["name"]: flow(row) for row in rows.values() if row["file"]}
    crons = {name: each["triggers"][0]["cron"] for name, each in flows.items()}
    assert (crons["report"], crons["poll"], crons["every-two"], crons["listed"]) == (
        "0 9 * jan-mar mon-fri", "*/5 8-18 * * Mon,WED,fri", "23 0-23/2 * * *",
        "1-5,10-15/2 * * * *")  # fmt: skip
    assert (crons["upper"], crons["quiet-syslog"]) == ("0 0 * * 0", "*/15 * * * *")
    assert "the dash" in next(row["notes"][0] for row in rows.values()
                              if (row["file"] or "").endswith("quiet-syslog.yaml"))  # fmt: skip
    manage = flows["manage"]
    assert (manage["env"]["FOO"], manage["env"]["BAR"]) == ("a b", "x=y")
    assert manage["env"]["HOME"] == "/srv/ada"
    assert manage["steps"][0]["run"].startswith("cd  # cron starts it in the home directory\n")
    assert "BASH_ENV" not in manage["env"]
    assert flows["nightly"]["steps"][0]["run"].rstrip().endswith(">/dev/null 2>&1")
    files = [str(row["file"]) for row in rows.values() if row["file"]]
    assert wingman("validate", *files).returncode == 0
    shown = wingman("import", "crontab", CRONTABS / "own.cron", "-o", tmp_path)
    assert "line 1: MAILTO=" in shown.stdout
    assert "16 of 24 lines are flows now" in shown.stderr


def test_delays_by_chance_marks_of_windows_and_of_byte_order_are_understood(
    wingman: Wingman, tmp_path: Path
) -> None:
    text = "\ufeffRANDOM_DELAY=30\r\n0 1 * * * a\r\nRANDOM_DELAY=soon\r\n@daily b\r\n"
    first, second, third = imported(wingman, tmp_path / "flows", text)
    assert flow(first)["triggers"][0]["jitter_s"] == 1800.0
    assert second["notes"] == ["RANDOM_DELAY=soon: no number of minutes"]
    assert flow(third)["triggers"][0]["jitter_s"] == 0.0
    assert flow(third)["steps"][0]["run"].splitlines()[-1] == "b"


def test_times_are_those_of_the_machine_or_of_cron_tz_and_not_of_tz(
    wingman: Wingman, tmp_path: Path
) -> None:
    text = "0 3 * * * a\nTZ=Asia/Tokyo\n0 3 * * * b\nCRON_TZ=America/New_York\n0 3 * * * c\n"
    rows = imported(wingman, tmp_path / "flows", text, "--timezone", "Europe/Zurich")
    flows = [flow(row) for row in rows if row["file"]]
    zones = [each["triggers"][0]["timezone"] for each in flows]
    assert zones == ["Europe/Zurich", "Europe/Zurich", "America/New_York"]
    assert [each["env"].get("TZ") for each in flows] == [None, "Asia/Tokyo", "Asia/Tokyo"]
    assert "for the commands" in rows[1]["notes"][0]
    link = tmp_path / "localtime"
    link.symlink_to("/usr/share/zoneinfo/Nowhere/City")
    assert (machine_zone(str(link)), machine_zone(str(tmp_path))) == ("Nowhere/City", "UTC")
    wrong = wingman("import", "crontab", "-", "-o", tmp_path, "--timezone", "Mars", input=text)
    assert "there is no time zone `Mars`" in wrong.stdout


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
