"""The documents are true: their commands run, their flows compile, what they name exists.

A block of the language `console` holds commands, one a line, and `# exit N` where one does not end
with 0; a block of `sh` is a script. Both run in one home, in the order of the text.
"""

from __future__ import annotations

import os
import re
import resource
import shlex
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.cli.main import COMMANDS
from engine.cli.parser import Parser
from engine.flowfile import compile_flow
from engine.flowfile.errortypes import is_error_type
from engine.model import EXECUTION_TRANSITIONS, STEP_TRANSITIONS
from engine.paths import home_at
from tests.conftest import ROOT, Wingman, kill_leftovers
from wingman_tui.documents import ORDER, documents
from wingman_tui.keymap import ACTIONS
from wingman_tui.keys import KEY_NAMES

DOCS = ROOT / "docs"
DOCUMENTS = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
GUIDES = [DOCS / f"{name}.md" for name in (
    "understanding-flows", "monitoring", "troubleshooting", "guarantees", "security")]  # fmt: skip
HELP_COLUMNS = 75  # what the console shows of a line of code on a terminal of 80
BLOCK = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
EXITS = re.compile(r"#.*\bexit (\d)")
TIMEOUT_S = 90.0


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT)).removesuffix(".md")


def blocks(path: Path, *languages: str) -> list[tuple[str, str]]:
    """(language, text) of the document's blocks, in order."""
    found = BLOCK.findall(path.read_text(encoding="utf-8"))
    return [(language, text) for language, text in found if language in languages]


def prose(path: Path) -> str:
    """The document without its blocks."""
    return BLOCK.sub("", path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wingman]:
    """Somebody who reads the documents and types what they say: one home, one engine."""
    home = home_at(tmp_path_factory.mktemp("reader") / "home")
    home.create()
    wingman = Wingman(home)
    commands = home.root.parent / "bin"
    commands.mkdir()
    typed = commands / "wingman"
    typed.write_text(f'#!/bin/sh\nexec {shlex.join(wingman.words())} "$@"\n')
    typed.chmod(0o755)
    wingman.environment["PATH"] = f"{commands}:{wingman.environment['PATH']}"
    yield wingman
    wingman("engine", "stop", "--all")
    kill_leftovers(home)


# -- what is typed --


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "path", [path for path in DOCUMENTS if blocks(path, "console", "sh")], ids=name_of
)
def test_every_command_runs_and_ends_as_the_text_says(path: Path, reader: Wingman) -> None:
    for language, text in blocks(path, "console", "sh"):
        if language == "sh":
            run_script(text, reader)
            continue
        for line in text.splitlines():
            run_line(line, reader)


def run_line(line: str, reader: Wingman) -> None:
    expected = EXITS.search(line)
    words = shlex.split(line, comments=True)
    assert words[0] == "wingman", line
    done = reader(*words[1:])
    allowed = {int(expected[1])} if expected else {0}
    if words[1] == "doctor":
        allowed |= {1}  # what it finds is this machine's affair
    assert done.returncode in allowed, (line, done.returncode, done.stderr)
    if "--detach" in words:
        assert reader("logs", "@last", "-f").returncode == 0


def run_script(text: str, reader: Wingman) -> None:
    if "curl " in text and not shutil.which("curl"):
        return  # a machine needs none for Wingman
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text],
        env=reader.environment,
        cwd=reader.home.root.parent,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, (text, done.stderr)
    assert '"error":{' not in done.stdout


def mentioned() -> list[tuple[Path, str]]:
    """Commands inside sentences: `wingman run NAME`; `wingman a|b` is a list, not a command."""
    typed = re.compile(r"`(?:[A-Z_]+=\S+ )?(wingman [^`]+)`")
    return [
        (path, line)
        for path in DOCUMENTS
        for line in typed.findall(re.sub(r"\s+", " ", prose(path)))
        if not set("…[|<>") & set(line)
    ]


@pytest.mark.parametrize(("path", "line"), mentioned(), ids=lambda value: str(value)[-40:])
def test_commands_in_sentences_exist_and_take_these_words(path: Path, line: str) -> None:
    name, *words = shlex.split(line)[1:]
    if name in ("a", "COMMAND", "help") or (path.name == "custom-flows.md" and "NAME" in words):
        return
    assert name in COMMANDS, line
    module, summary = COMMANDS[name]
    parser = Parser(name, summary)
    __import__(f"engine.cli.{module}", fromlist=["arguments"]).arguments(parser, name)
    if words:  # not only the command's name
        parser.parse(words)


def test_keys_in_sentences_are_keys_of_the_console() -> None:
    keys = {key for action in ACTIONS for key in action.keys}
    keys |= {KEY_NAMES[key] for key in keys & KEY_NAMES.keys()}
    text = prose(DOCS / "monitoring.md") + prose(DOCS / "troubleshooting.md")
    named = re.findall(r"`(\w|/|\?|Enter|Tab|ctrl\+\w)`", text)
    assert len(set(named)) > 8
    assert {key.lower() if len(key) > 1 else key for key in named} <= keys


# -- what is written --


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_every_flow_compiles(path: Path) -> None:
    for _, text in blocks(path, "yaml"):
        flow = re.sub(r"^ {3}", "", text, flags=re.MULTILINE) if text[:1] == " " else text
        assert compile_flow(flow.encode(), "/flows/f.yaml")["steps"]


def headings(path: Path) -> set[str]:
    """The places of a document that a link can name."""
    found = re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE)
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in found]
    return {heading.strip().replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_every_link_leads_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(path)):
        if "://" in target:
            continue
        file, _, place = target.partition("#")
        found = path.parent / file if file else path
        assert found.exists(), target
        assert not place or place in headings(found), target


def test_the_tests_that_guarantees_name_exist() -> None:
    text = (DOCS / "guarantees.md").read_text(encoding="utf-8")
    sections = [part for part in text.split("\n## ")[1:] if part[0].isdigit()]
    assert len(sections) >= 7
    for section in sections:
        named = re.findall(r"^- `(tests/[\w/]+\.py)::(\w+)`$", section, re.MULTILINE)
        assert named, section.splitlines()[0]
        for file, function in named:
            assert re.search(rf"def {function}\(", (ROOT / file).read_text(encoding="utf-8"))


def test_every_state_is_explained() -> None:
    text = prose(DOCS / "understanding-flows.md")
    for state in (*EXECUTION_TRANSITIONS, *STEP_TRANSITIONS):
        assert f"**{state}**" in text or f"`{state}`" in text, state


def test_every_explained_error_is_one_that_a_flow_can_name() -> None:
    text = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
    section = text.split("### What an error type means")[1].split("\n#")[0]
    named = re.findall(r"^- `([^`]+)`:", section, re.MULTILINE)
    assert len(named) >= 8
    for name in named:
        example = name.replace("exit:N", "exit:7").replace("signal:NAME", "signal:SIGKILL")
        example = example.replace("http:NNN", "http:503")
        assert is_error_type(example), name


def test_every_room_of_the_house_is_told() -> None:
    text = prose(DOCS / "architecture.md")
    for top in ("engine", "wingman_tui"):
        for path in (ROOT / top).iterdir():
            if path.name.startswith(("__", "help")) or not (path.is_dir() or path.suffix == ".py"):
                continue
            assert re.search(rf"`{path.name}/?`", text), path


def test_decisions_are_all_listed() -> None:
    listed = prose(DOCS / "decisions" / "README.md")
    for path in (DOCS / "decisions").glob("*.md"):
        assert path.name == "README.md" or f"]({path.name})" in listed, path.name


# -- how it is shown --


def test_the_consoles_help_has_every_guide_in_the_order_of_reading() -> None:
    shown = [document.path.stem for document in documents()]
    assert set(shown) == {path.stem for path in DOCS.glob("*.md")}
    first = [name for name in ORDER if name in shown]
    assert shown[: len(first)] == first
    assert [path.stem for path in GUIDES if path.stem not in first] == []


@pytest.mark.parametrize("path", GUIDES, ids=name_of)
def test_no_code_of_a_guide_is_cut_in_the_help(path: Path) -> None:
    for _, text in blocks(path, "", "console", "sh", "yaml"):
        for line in text.splitlines():
            assert len(line) <= HELP_COLUMNS, line
    assert not re.search(r"^\|", prose(path), re.MULTILINE), "a table is cut; write a list"


# -- what security.md says of files and processes --


def test_all_that_a_home_holds_is_its_owners_alone(reader: Wingman) -> None:
    reader("run", "practice-failure")
    found = [reader.home.root, *reader.home.root.rglob("*")]
    assert len(found) > 15
    own = [path for path in found if reader.home.flows not in path.parents]  # flows are written by people
    for path in own:
        status = path.lstat()
        if not stat.S_ISLNK(status.st_mode):
            assert status.st_mode & 0o077 == 0, path


def test_engine_and_runner_leave_no_core_files(reader: Wingman) -> None:
    reader("engine", "start", check=True)
    status = reader("engine", "status", "--json", check=True).stdout
    pids = [int(pid) for pid in re.findall(r'pid": (\d+)', status)]
    assert len(pids) == 2
    for pid in pids:
        assert resource.prlimit(pid, resource.RLIMIT_CORE) == (0, 0)
        assert os.getpgid(pid) != os.getpgid(0)
