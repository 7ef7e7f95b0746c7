"""The documents tell the truth: their flows compile, their commands and options exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from engine.cli.main import COMMANDS, _take_server
from engine.cli.parser import Parser
from engine.flowfile import compile_flow
from tests.conftest import ROOT

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)


def blocks(path: Path, *languages: str) -> list[str]:
    return [text for language, text in BLOCK.findall(path.read_text()) if language in languages]


def commands() -> list[str]:
    """The lines of the README and of two guides that are typed as they stand."""
    found = []
    for name in ("README.md", "docs/standard-flows.md", "docs/over-ssh.md"):
        text = (ROOT / name).read_text()
        lines = [line for block in blocks(ROOT / name, "") for line in block.splitlines()]
        lines += re.findall(r"`(wingman [^`]+)`", text)
        found += [line for line in lines if "wingman " in line and "|" not in line]
    typed = {line[line.index("wingman ") :].partition(" #")[0].rstrip("`) ") for line in found}
    return sorted(line for line in typed if " " in line and not set("…[") & set(line))


def test_the_flow_of_the_readme_compiles() -> None:
    found = blocks(ROOT / "README.md", "yaml")
    assert found
    for text in found:
        assert compile_flow(text.encode(), "README.md")["steps"]


@pytest.mark.parametrize("line", commands())
def test_commands_of_the_documents_exist(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WINGMAN_SERVER", "")  # `--server` goes there, with any command
    name, *words = _take_server(shlex.split(line.partition("  ")[0])[1:])
    assert name in COMMANDS
    module_name, summary = COMMANDS[name]
    parser = Parser(name, summary)
    __import__(f"engine.cli.{module_name}", fromlist=["arguments"]).arguments(parser, name)
    if words:  # not only the command's name in a sentence
        parser.parse(words)
