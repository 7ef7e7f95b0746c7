"""What log-triage takes for a level: words of their own, and no parts of names."""

from __future__ import annotations

import pytest

from engine.standard.log_triage import level_of


@pytest.mark.parametrize(
    ("level", "line"),
    [
        ("error", "2026-01-01 12:00:00 ERROR disk full"),
        ("error", "sshd[12]: error: kex_exchange"),
        ("error", "connection failed"),
        ("error", "[crit] out of memory"),
        ("error", "level=error msg=x"),
        ("error", "it was an error."),
        ("warning", "WARNING: deprecated option"),
        ("debug", "DEBUG x"),
        ("info", "2026-05-09 07:40:58 status installed libgpg-error-dev:amd64 1.46-1"),
        ("info", "GET /error/page.html 200"),
        ("info", "read error.log"),
        ("info", "finished, no error"),
        ("info", "terror and a warningless day"),
    ],
)
def test_the_level_of_a_line(level: str, line: str) -> None:
    assert level_of(line) == level
