"""The small argument parser, and the commands' answers to what is wrong with their words."""

from __future__ import annotations

import pytest

from engine.cli.main import COMMANDS
from engine.cli.parser import HelpWanted, Parser
from engine.errors import UsageError
from tests.conftest import Wingman


def parser() -> Parser:
    parser = Parser("logs", "print a log")
    parser.argument("execution", metavar="REF")
    parser.argument("more", takes="?")
    parser.flag("-f", "--follow", help="go on")
    parser.flag("-d", "--detach", help="leave")
    parser.option("-o", "--output", metavar="FILE", help="where to")
    parser.option("-i", "--input", metavar="K=V", each=True, help="an input")
    parser.option("--level", choices=("info", "error"), help="the least")
    parser.option("--limit", convert=int, default=20, help="how many")
    return parser


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("x#1", {"execution": "x#1", "more": None, "follow": False, "limit": 20, "input": []}),
        ("-fd x#1 y", {"follow": True, "detach": True, "more": "y"}),
        ("-fo out x#1", {"follow": True, "output": "out"}),
        ("-oout x#1", {"output": "out"}),
        ("x#1 --output=a=b --limit 3", {"output": "a=b", "limit": 3}),
        ("-i a=1 -i b=--c x#1", {"input": ["a=1", "b=--c"]}),
        ("-- -f", {"execution": "-f", "follow": False}),
        ("-", {"execution": "-"}),
    ],
)
def test_words_become_arguments(line: str, expected: dict[str, object]) -> None:
    args = parser().parse(line.split())
    assert {key: getattr(args, key) for key in expected} == expected


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ("", "REF is missing", "wingman logs REF"),
        ("a b c", "'c' is one argument too many", "wingman logs"),
        ("a --folow", "unknown option --folow", "did you mean --follow?"),
        ("a --follow=yes", "--follow takes no value", ""),
        ("a --output", "--output needs a value: FILE", ""),
        ("a --level eror", "'eror' is none of info, error", "did you mean error?"),
        ("a --limit x", "'x' is not a whole number", ""),
        ("a -z", "unknown option -z", ""),
    ],
)
def test_mistakes_are_named(line: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parser().parse(line.split())
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_help_lists_every_option() -> None:
    with pytest.raises(HelpWanted):
        parser().parse(["a", "--help"])
    text = parser().help()
    assert all(word in text for word in ("REF", "-f, --follow", "-o, --output FILE", "info|error"))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str, wingman: Wingman) -> None:
    done = wingman(name, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: wingman {name}")
    assert wingman("help", name).stdout == done.stdout


def test_without_a_terminal_the_commands_are_listed(wingman: Wingman) -> None:
    done = wingman()
    assert done.returncode == 0
    assert all(f"  {name} " in done.stdout for name in COMMANDS)


def test_unknown_commands_name_the_nearest(wingman: Wingman) -> None:
    done = wingman("lst")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "wingman: unknown command lst\n  did you mean list?\n"


def test_version(wingman: Wingman) -> None:
    assert wingman("--version").stdout == wingman("version").stdout
    assert wingman("--version").stdout.startswith("wingman 0.")


def test_what_is_meant_for_a_server_is_not_done_here(wingman: Wingman) -> None:
    nobody = "https://127.0.0.1:1"
    far = {"WINGMAN_SERVER": nobody}
    for done in (
        wingman("list", env=far),
        wingman("list", "--server", nobody),
        wingman(f"--server={nobody}", "list"),
    ):
        assert (done.returncode, done.stdout) == (6, "")
        assert "cannot be reached" in done.stderr
    for words in (["engine", "stop"], ["serve"], ["server", "list"], ["attach", "x"], ["config"]):
        done = wingman(*words, env=far)
        assert (done.returncode, done.stdout) == (2, "")
        assert "about this machine" in done.stderr
    assert wingman("list", "--server", "nobody").returncode == 2
    assert wingman("list", "--server").returncode == 2
    assert wingman("version", env=far).returncode == 0
    assert not wingman.home.socket.exists()
