"""What a failed step said last: by the same rule wherever it is quoted."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.insight import words
from wingman_tui import failing

LINES = st.lists(
    st.fixed_dictionaries({
        "text": st.sampled_from(["", "  ", "disk full", "+ rm x", "\x1b[31mred\x1b[0m", "done"]),
        "level": st.sampled_from(["debug", "info", "warning", "error"]),
        "stream": st.sampled_from(["stdout", "stderr"]),
    })
)  # fmt: skip


@given(LINES)
def test_the_list_and_the_console_quote_the_same_words(lines: list[dict[str, str]]) -> None:
    assert words.said(lines) == failing.said(lines)


def test_an_error_before_what_was_printed_last_on_stderr_and_no_trace() -> None:
    said = {"level": "info", "stream": "stderr"}
    lines = [{**said, "text": "ERROR full", "level": "error"}, {**said, "text": "bye"}]
    assert words.said(lines) == "ERROR full"
    assert words.said(lines[1:]) == "bye"
    assert words.said([{**said, "text": "+ false"}]) == ""


def test_only_a_bare_exit_needs_words() -> None:
    for message, little in (
        ("exited with 7", True), ("ended by SIGKILL", True), ("no such host", False), ("", False),
    ):  # fmt: skip
        error = {"message": message}
        assert words.says_little(error) == failing.says_little(error) == little
    assert not words.says_little(None)
