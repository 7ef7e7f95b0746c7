"""The documents are true: their commands run, their flows compile, their links and tests exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from engine.flowfile import compile_flow
from tests.conftest import ROOT, Wingman

DOCUMENTS = sorted((ROOT / "docs").rglob("*.md"))
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
EXITS = re.compile(r"#.*\bexit (\d)")


def blocks(path: Path, language: str) -> list[str]:
    return [text for found, text in BLOCK.findall(path.read_text()) if found == language]


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "path", [p for p in DOCUMENTS if blocks(p, "console")], ids=lambda p: p.stem
)
def test_every_command_runs_and_ends_as_the_text_says(path: Path, wingman: Wingman) -> None:
    for block in blocks(path, "console"):
        for line in block.splitlines():
            expected = EXITS.search(line)
            words = shlex.split(line, comments=True)
            assert words[0] == "wingman", line
            done = wingman(*words[1:])
            allowed = {int(expected[1])} if expected else {0}
            if words[1] == "doctor":
                allowed |= {1}  # what it finds is this machine's affair
            assert done.returncode in allowed, (line, done.stderr)
            if "--detach" in words:
                wingman("logs", "@last", "-f")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.stem)
def test_flows_compile_and_links_lead_somewhere(path: Path) -> None:
    for text in blocks(path, "yaml"):
        if text.startswith(("name:", "steps:", "inputs:")):  # others show a part
            assert compile_flow(text.encode(), "f.yaml")["steps"]
    for target in re.findall(r"\]\(([^)#]+)", path.read_text()):
        if "://" not in target:
            assert (path.parent / target).exists(), target


def test_the_tests_that_guarantees_name_exist() -> None:
    text = (ROOT / "docs" / "guarantees.md").read_text()
    named = re.findall(r"tests/[\w/.]+\.py(?:::\w+)?|tests/\w+", text)
    assert named
    for name in named:
        file, _, function = name.partition("::")
        assert (ROOT / file).exists(), name
        assert f"def {function}" in (ROOT / file).read_text() if function else True, name
