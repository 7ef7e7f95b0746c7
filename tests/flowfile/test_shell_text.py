"""Where quote() may stand: held against a real shell with values that want to be executed."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from engine.errors import FlowFileError
from engine.expression import render
from engine.expression.functions import shell_quote
from engine.flowfile import compile_flow
from engine.flowfile.shell_text import (
    ANSI,
    BACKTICKS,
    COMMENT,
    DOUBLE,
    FREE,
    HERE,
    JOINED,
    SINGLE,
    places,
)

HERE_DOCUMENT = "cat <<{word}\nit's {at}\nEOF\necho {at}\n"


@pytest.mark.parametrize(("text", "expected"), [
    ("echo @", [FREE]), ("echo '@'", [SINGLE]), ('echo "@"', [DOUBLE]), ('echo "a"@', [FREE]),
    ("echo 'a'@'b'", [FREE]), (r"echo \"@", [FREE]), (r'echo "\"@"', [DOUBLE]),
    ('echo "$(x @)" "@"', [FREE, DOUBLE]), ('echo "$(x "@")"', [DOUBLE]),
    ("echo $((1 + @))", [FREE]), ("echo `x @`", [BACKTICKS]), ("# it's\necho @", [FREE]),
    ("echo a#it @ 'b", [FREE]), ("echo $# ${#x} @", [FREE]), ("cat <<< 'x' @", [FREE]),
    (HERE_DOCUMENT.format(word="EOF", at="@"), [HERE, FREE]),
    (HERE_DOCUMENT.format(word="'EOF'", at="@"), [HERE, FREE]),
    (HERE_DOCUMENT.format(word="-EOF", at="@"), [HERE, FREE]),
    ("cat <<A <<B\n@\nA\n@\nB\n@", [HERE, HERE, FREE]), ("case x in a) echo @;; esac", [FREE]),
    ("f() { echo @; }\nf 'x' @", [FREE, FREE]), ("a=(1 2)\necho @", [FREE]),
    ("EOF @\nx", [FREE]), ("# a @\nb @", [COMMENT, FREE]), ("echo $@", [JOINED]),
    (r"echo \@", [JOINED]), (r"echo $'\'@' @", [ANSI, FREE]), ("cat <<@", [JOINED]),
    ("echo `x $(y @)` @", [BACKTICKS, FREE]), ("echo '\n' @", [FREE]),
])
def test_where_an_expression_stands(text: str, expected: list[str]) -> None:
    assert places(tuple(text.split("@"))) == expected


@pytest.mark.parametrize("value", [
    "$(touch hit)", "`touch hit`", "'; touch hit; '", '"; touch hit; "', "a\ntouch hit", "\\",
    "$HOME", "!!", "-n", "*", "EOF\ntouch hit",
])
@pytest.mark.parametrize("command", [
    "printf %s {at}", 'printf %s "$(printf %s {at})"', "x={at}; printf %s \"$x\"",
    "case {at} in *) printf %s {at};; esac", "printf %s 'a'{at} | cut -c2- | head -c -0",
    "cat <<EOF\nx\nEOF\nprintf %s {at}", 'printf %s "{at}"', "printf %s '{at}'",
    "cat <<EOF\n{at}\nEOF\n", "printf %s \"`printf %s {at}`\"",
])
def test_what_is_taken_executes_no_data(command: str, value: str, tmp_path: Path) -> None:
    """Whatever the checks let through runs in a real shell without running the value."""
    text = command.replace("{at}", "${{ quote(inputs.x) }}")
    indented = "".join(f"      {line}\n" for line in text.split("\n"))
    file = f"name: a\ninputs: {{x: {{default: ''}}}}\nsteps:\n  - id: a\n    run: |\n{indented}"
    try:
        step = compile_flow(file.encode(), "")["steps"][0]
    except FlowFileError:
        return
    filled = render(step["run"], {"inputs": {"x": value}})
    subprocess.run([*step["shell"], "-c", filled], cwd=tmp_path, capture_output=True, timeout=60,
                   check=False)
    assert not (tmp_path / "hit").exists()


PIECES = st.sampled_from([
    "echo ", "a", " ", "'", '"', "\\", "$", "$(", ")", "`", "#", " # ", "\n", "<<EOF\n", "\nEOF\n",
    "<<'EOF'\n", "<<", ";", "(", "x=", "${y:-", "}", "case x in ", " esac", "$'", "<<<", "&&", "|",
    "$((", "))", "@", "@", "\n# ", "{", "!", "*", "<", ">/dev/null "])
VALUES = ("$(touch hit)", "`touch hit`", "'; touch hit; '", "\\'; touch hit #", "\ntouch hit #",
          "EOF\ntouch hit\n", "`; touch hit; `", '"; touch hit; "', "\\'\ntouch hit #")


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(PIECES, max_size=12).map("".join))
@example("# @")
@example("x=`echo @`")
@example("echo \\@")
@example("echo $@")
@example("echo $'\\'@")
@example('echo "$(echo `echo @`)"')
@example("cat <<@\n")
def test_no_free_place_executes_data(text: str) -> None:
    """Any text: where every expression is said to be free, no value is executed."""
    if "@" not in text or any(places(tuple(text.split("@")))):
        return
    with tempfile.TemporaryDirectory() as folder:
        for value in VALUES:
            subprocess.run(["bash", "-c", text.replace("@", shell_quote(value))], cwd=folder,
                           capture_output=True, timeout=60, check=False,
                           stdin=subprocess.DEVNULL)
            assert not (Path(folder) / "hit").exists(), value
