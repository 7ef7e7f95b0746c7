"""Levels are found in lines as real programs write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.logs import levels
from engine.logs.levels import DEBUG, ERROR, INFO, WARNING, level_of

LINES: list[tuple[int, str]] = [
    # plain output
    (INFO, ""),
    (INFO, "Hello, world"),
    (INFO, "0 errors, 0 warnings"),
    (INFO, "error_log = /var/log/error.log"),
    (INFO, "GET /ERROR/page HTTP/1.1 200"),
    (INFO, "no terror here"),
    (INFO, "Setting up debug-symbols (1.2) ..."),
    (INFO, "copying src/errors.py -> build/errors.py"),
    (INFO, "total 12 failed=0 skipped=3"),
    (INFO, "--error-exit-code=1"),
    # what a shell traces
    (INFO, "+ echo 'ERROR: disk full'"),
    (INFO, "++ grep -c WARNING: app.log"),
    (ERROR, "+ERROR: no trace"),
    # words at the beginning
    (ERROR, "ERROR something broke"),
    (ERROR, "ERROR: something broke"),
    (ERROR, "error: could not compile `x`"),
    (ERROR, "error[E0308]: mismatched types"),
    (ERROR, "Error: Cannot find module 'x'"),
    (ERROR, "fatal: not a git repository (or any of the parent directories): .git"),
    (ERROR, "FATAL ERROR: Reached heap limit"),
    (ERROR, "CRITICAL disk on fire"),
    (WARNING, "warning: unused variable: `x`"),
    (WARNING, "WARNING: Retrying (Retry(total=4))"),
    (WARNING, "Warning: Permanently added 'h' (ED25519) to the list of known hosts."),
    (WARNING, "WARN deprecated"),
    (INFO, "INFO no error so far, ERROR would be capital"),
    (INFO, "[INFO] BUILD SUCCESS"),
    (DEBUG, "DEBUG cache miss"),
    (DEBUG, "[DEBUG] resolving"),
    (DEBUG, "debug: x=1"),
    (DEBUG, "TRACE enter"),
    # time stamps first
    (ERROR, "2026-01-01 12:00:00 ERROR it failed"),
    (ERROR, "2026-01-01T12:00:00.123Z ERROR app::db: it failed"),
    (WARNING, "2026-01-01 12:00:00,123 - app.db - WARNING - slow query"),
    (INFO, "2026-01-01 12:00:00,123 [main] INFO  com.acme.App - started, ERROR count 0"),
    (ERROR, "12:00:00.123 [main] ERROR c.a.App - it failed"),
    (WARNING, "2026-01-01T12:00:00.000Z  WARN 1 --- [  main] o.s.b.App : slow"),
    (ERROR, "[2026-01-01T12:00:00Z ERROR app] it failed"),
    (ERROR, "[2026-01-01 12:00:00,123: ERROR/MainProcess] Task x raised unexpected"),
    (WARNING, "[2026-01-01 12:00:00,123] WARN [Broker id=1] slow (kafka.server)"),
    (ERROR, "2026/01/01 12:00:00 [error] 31#31: *1 open() failed (2: No such file)"),
    (WARNING, "2026/01/01 12:00:00 [warn] 31#31: low address bits"),
    (INFO, "2026/01/01 12:00:00 [notice] 1#1: start worker processes"),
    (ERROR, "2026-01-01T12:00:00.123Z\terror\tapp/main.go:12\tit failed"),
    (DEBUG, "2026-01-01T12:00:00.123Z\tdebug\tapp/main.go:12\tcache miss"),
    (ERROR, "12:00AM ERR it failed error=timeout"),
    (WARNING, "12:00AM WRN slow"),
    (INFO, "[12:00:00 INF] Now listening on: http://[::]:80"),
    (ERROR, "[12:00:00 FTL] Application terminated"),
    (ERROR, "2026-01-01 12:00:00.000 UTC [123] ERROR:  relation \"x\" does not exist"),
    (ERROR, "2026-01-01 12:00:00.000 UTC [123] FATAL:  role \"x\" does not exist"),
    (INFO, "2026-01-01 12:00:00.000 UTC [123] LOG:  database system is ready, no ERROR"),
    (WARNING, "2026-01-01T00:00:00.000000Z 0 [Warning] [MY-010055] [Server] slow"),
    (ERROR, "2026-01-01T00:00:00.000000Z 0 [ERROR] [MY-010119] [Server] Aborting"),
    (ERROR, "Jan 01 12:00:00 host app[12]: ERROR: it failed"),
    (ERROR, "1:M 01 Jan 2026 12:00:00.000 # CRITICAL ERROR"),
    # fields
    (ERROR, '{"level":"error","msg":"it failed"}'),
    (INFO, '{"level":"info","msg":"error: none"}'),
    (WARNING, '{"time":"2026","level":"WARN","msg":"slow"}'),
    (WARNING, '{"severity": "WARNING", "message": "slow"}'),
    (ERROR, '{"msg":"it failed","level":50,"time":1}'),
    (INFO, '{"level":30,"time":1,"msg":"no error: at all"}'),
    (WARNING, '{"level":40,"msg":"slow"}'),
    (DEBUG, '{"level":20,"msg":"x"}'),
    (DEBUG, '{"level":10,"msg":"x"}'),
    (ERROR, '{"level":60,"msg":"x"}'),
    (WARNING, '{"levelname":"WARNING","levelno":30,"message":"slow"}'),
    (WARNING, '{"levelno": 30, "message": "slow"}'),
    (ERROR, '{"version":"1.1","short_message":"x","level":3}'),
    (ERROR, '{"PRIORITY":"3","MESSAGE":"x"}'),
    (INFO, '{"PRIORITY":"6","MESSAGE":"x"}'),
    (ERROR, '{"@timestamp":"2026","log.level":"ERROR","message":"x"}'),
    (ERROR, '{"@t":"2026","@l":"Error","@mt":"x"}'),
    (WARNING, '{"t":{"$date":"2026"},"s":"W","c":"STORAGE","msg":"x"}'),
    (INFO, '{"t":{"$date":"2026"},"s":"I","c":"STORAGE","msg":"x"}'),
    (ERROR, '{"t":{"$date":"2026"},"s":"E","c":"STORAGE","msg":"x"}'),
    (ERROR, 'time="2026-01-01T12:00:00Z" level=error msg="it failed"'),
    (WARNING, "ts=2026 lvl=warn msg=slow"),
    (INFO, 'level=info msg="error: none" err=nil'),
    (DEBUG, "level=debug ts=1 caller=x.go:1 msg=y"),
    (WARNING, 'ts=2026-01-01T00:00:00Z caller=main.go:12 level=warn msg="slow"'),
    # prefixes
    (ERROR, "E0101 12:00:00.123456    1 main.go:12] it failed"),
    (WARNING, "W0101 12:00:00.123456    1 main.go:12] slow"),
    (INFO, "I0101 12:00:00.123456    1 main.go:12] error: none"),
    (ERROR, "F0101 12:00:00.123456    1 main.go:12] gone"),
    (ERROR, "<3>it failed"),
    (WARNING, "<28>Jan  1 12:00:00 host app: slow"),
    (INFO, "<30>Jan  1 12:00:00 host app: error: none"),
    (DEBUG, "<7>chatter"),
    (ERROR, "E: Unable to locate package x"),
    (WARNING, "W: Some index files failed to download."),
    (ERROR, "ERRO[0000] it failed"),
    (WARNING, "WARN[0001] slow"),
    (DEBUG, "DEBU[0001] x"),
    (INFO, "INFO[0001] error: none"),
    (ERROR, "01-01 12:00:00.123  1234  5678 E ActivityManager: it failed"),
    (WARNING, "W/System.err(1234): slow"),
    (ERROR, "::error file=app.js,line=1::Missing semicolon"),
    (WARNING, "::warning::Deprecated"),
    (DEBUG, "::debug::Set the variable"),
    (INFO, "::notice::error: none"),
    (ERROR, "##[error]Process completed with exit code 1."),
    (WARNING, "##[warning]slow"),
    # tools
    (ERROR, "npm ERR! code ELIFECYCLE"),
    (WARNING, "npm WARN deprecated x@1"),
    (ERROR, "main.c:12:3: error: expected ';' before '}' token"),
    (WARNING, "main.c:12:3: warning: unused variable 'x' [-Wunused-variable]"),
    (ERROR, "dpkg: error: dpkg frontend lock is locked by another process"),
    (WARNING, "dpkg: warning: while removing x, directory '/y' not empty so not removed"),
    (ERROR, "rsync error: some files could not be transferred (code 23)"),
    (ERROR, "make: *** [Makefile:2: all] Error 1"),
    (ERROR, "fatal: [web1]: UNREACHABLE! => {\"changed\": false}"),
    (WARNING, "[WARNING]: No inventory was parsed"),
    (ERROR, "ERROR! the playbook could not be found"),
    (ERROR, "│ Error: Invalid reference"),
    (ERROR, "FAILED tests/test_x.py::test_y - assert 1 == 2"),
    (ERROR, "[ERROR] Failed to execute goal"),
    (ERROR, "FAILURE: Build failed with an exception."),
    (ERROR, "bash: line 1: foo: command not found"),
    (ERROR, "bash: line 1: 12345 Segmentation fault      (core dumped) ./a.out"),
    (ERROR, "app[123]: segfault at 0 ip 00007f sp 00007f error 4 in app"),
    (ERROR, "psql: error: connection to server failed"),
    (ERROR, "ERROR:root:it failed"),
    (WARNING, "WARNING:root:slow"),
    (INFO, "INFO:root:ERROR is only a word here"),
    # languages
    (ERROR, "Traceback (most recent call last):"),
    (INFO, '  File "/x.py", line 1, in <module>'),
    (ERROR, "ValueError: invalid literal for int() with base 10: 'x'"),
    (ERROR, "KeyError: 'error'"),
    (ERROR, "requests.exceptions.ConnectionError: refused"),
    (ERROR, "subprocess.CalledProcessError: Command failed"),
    (ERROR, "KeyboardInterrupt"),
    (WARNING, "/x/y.py:12: DeprecationWarning: use z"),
    (WARNING, "UserWarning: careful"),
    (ERROR, "panic: runtime error: index out of range [1] with length 1"),
    (ERROR, 'Exception in thread "main" java.lang.NullPointerException'),
    (ERROR, "Caused by: java.io.IOException: closed"),
    (ERROR, "java.lang.IllegalStateException: closed"),
    (INFO, "\tat com.acme.App.main(App.java:12)"),
    (ERROR, "Uncaught TypeError: x is not a function"),
    # colours and space around
    (ERROR, "\x1b[31mERROR\x1b[0m it failed"),
    (ERROR, "\x1b[1m\x1b[31merror\x1b[0m\x1b[1m: it failed\x1b[0m"),
    (WARNING, "    \x1b[33m[WARN]\x1b[0m slow"),
    (WARNING, "\x1b[33mW0101 12:00:00.123456    1 main.go:12] slow\x1b[0m"),
]  # fmt: skip


@pytest.mark.parametrize(("level", "line"), LINES)
def test_the_level_of_a_line_as_programs_write_it(level: int, line: str) -> None:
    assert levels.LEVEL_NAMES[level_of(line.encode())] == levels.LEVEL_NAMES[level]


@pytest.mark.parametrize(("level", "line"), LINES)
def test_every_line_that_is_not_info_is_a_candidate(level: int, line: str) -> None:
    block = b"before\n" + line.encode() + b"\nafter\n"
    span = levels.next_candidate(block, 0)
    if level != INFO:
        assert span is not None
        assert levels.line_around(block, span[0]) == (7, 7 + len(line.encode()))
    if level == ERROR:
        span = levels.next_error(block, 0)
        assert span is not None
        assert levels.line_around(block, span[0]) == (7, 7 + len(line.encode()))


PIECES = st.sampled_from(
    [line for _, line in LINES]
    + [" ", "x", "[", "]", ":", "=", "E", "W", '"', "{", "\t", "level", "error", "Warn", "\x1b[1m"]
)


@given(st.lists(PIECES, max_size=5).map("".join))
def test_no_line_of_another_level_escapes_the_search(line: str) -> None:
    data = line.encode()
    if level_of(data) != INFO:
        assert levels.next_candidate(data, 0) is not None
    if level_of(data) == ERROR:
        assert levels.next_error(data, 0) is not None


@given(st.lists(st.sampled_from(LINES), max_size=30))
def test_counts_are_those_of_the_lines(lines: list[tuple[int, str]]) -> None:
    block = b"".join(line.encode() + b"\n" for _, line in lines)
    counts = levels.count_levels(block)
    assert list(counts) == [sum(level == wanted for level, _ in lines) for wanted in range(4)]


def test_a_line_without_its_newline_counts_too() -> None:
    assert levels.count_levels(b"ok\nERROR broken") == levels.LevelCounts(info=1, error=1)


@given(st.binary(max_size=300))
def test_any_bytes_have_a_level(line: bytes) -> None:
    assert 0 <= level_of(line) <= 3
