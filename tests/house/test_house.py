"""The rules of the house, read from every file: who imports whom, how long, what never."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from engine.doctor import LIBRARIES

ROOT = Path(__file__).parent.parent.parent
CODE = ("engine", "wingman_tui")
FILES = sorted(file for top in CODE for file in (ROOT / top).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))

AIM_LINES = 300
LIMIT_LINES = 400
LONGER = {  # each a table of cases rather than code
    "tests/logs/test_limits.py",
    "tests/runner/test_workers.py",
}
LONGER_SHARE = 0.1  # of all modules may miss the aim
FUNCTION_LINES = 60
LONG_FUNCTIONS = {"engine/server/openapi.py:make_document"}  # one literal

# room: what it may not import, and why that is so in one word
NEVER = {
    "engine": ("wingman_tui", "textual", "rich"),  # screen
    "engine/core": ("asyncio", "apsw", "sqlite3", "time", "os", "socket", "pathlib", "threading",
                    "subprocess", "random", "secrets", "datetime", "engine.journal",
                    "engine.scheduler", "engine.service", "engine.server", "engine.executor",
                    "engine.runner", "engine.logs", "engine.sandbox", "engine.clock",
                    "engine.paths"),  # world
    "engine/journal": ("engine.scheduler", "engine.service", "engine.server", "engine.executor",
                       "engine.runner", "engine.sandbox"),  # above
    "engine/flowfile": ("engine.core", "engine.journal", "engine.server", "apsw", "asyncio"),
    "engine/expression": ("engine.core", "engine.journal", "engine.server", "apsw", "asyncio"),
    "engine/httpstep": ("engine.core", "engine.journal", "engine.server", "engine.service",
                        "engine.runner", "engine.flowfile", "engine.expression", "asyncio"),
    "engine/logs": ("engine.journal", "engine.server", "engine.service", "apsw", "asyncio"),
    "engine/runner": ("engine.core", "engine.journal", "engine.server", "engine.service",
                      "engine.scheduler", "engine.executor", "engine.flowfile",
                      "engine.expression", "engine.sandbox", "asyncio"),  # engine
    "engine/client": ("engine.core", "engine.journal", "engine.server", "engine.service",
                      "engine.runner", "engine.executor", "engine.logs"),  # engine
    "engine/archive": ("engine.server", "engine.service", "engine.scheduler", "engine.runner",
                       "asyncio"),
    "engine/cli": ("engine.core", "engine.journal", "engine.server", "engine.service",
                   "engine.runner", "engine.executor", "engine.scheduler", "asyncio"),  # engine
}  # fmt: skip
# the console reaches the engine by these alone; `engine.client.console` is its one door
CONSOLE_MAY = ("engine.client", "engine.wire")
# apsw's own errors are told apart where the database is opened and where it is replayed
APSW_MAY = ("engine/journal/", "engine/recovery.py", "engine/doctor/")
# what may say something on standard error outside the commands: the engine's own log
SPEAKERS = {"engine/system_log.py", "engine/journal/writer.py"}


def relative(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


@cache
def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def module_of(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(node: ast.AST, file: Path) -> Iterator[str]:
    """The modules that one statement imports; of `from a import b` also a.b, in case it is one."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        package = module_of(file).split(".")
        package = package if file.name == "__init__.py" else package[:-1]
        base = package[: len(package) - node.level + 1] if node.level else []
        name = ".".join([*base, node.module] if node.module else base)
        yield name
        yield from (f"{name}.{alias.name}" for alias in node.names)


def imports(file: Path) -> set[str]:
    return {name for node in ast.walk(tree(file)) for name in imported(node, file)}


def within(name: str, rooms: tuple[str, ...]) -> bool:
    return any(name == room or name.startswith(room + ".") for room in rooms)


# -- one direction of imports --


def test_no_room_imports_what_it_may_not_know() -> None:
    found = [
        f"{relative(file)} imports {name}"
        for room, never in NEVER.items()
        for file in FILES
        if relative(file).startswith(room + "/")
        for name in imports(file)
        if within(name, never)
    ]
    assert found == []


def test_the_console_knows_the_engine_by_its_client_alone() -> None:
    found = [
        f"{relative(file)} imports {name}"
        for file in FILES
        if relative(file).startswith("wingman_tui/")
        for name in imports(file)
        if within(name, ("engine",)) and name != "engine" and not within(name, CONSOLE_MAY)
    ]
    assert found == []


def test_the_database_stays_in_its_room() -> None:
    found = [
        relative(file)
        for file in FILES
        if {"apsw", "sqlite3"} & imports(file) and not relative(file).startswith(APSW_MAY)
    ]
    assert found == []


def first_imports(file: Path) -> set[str]:
    """The modules of ours that are imported when this one is, not later and not for types only."""
    found: set[str] = set()

    def visit(nodes: list[ast.stmt]) -> None:
        for node in nodes:
            if isinstance(node, ast.If):
                if "TYPE_CHECKING" not in ast.dump(node.test):
                    visit(node.body)
                visit(node.orelse)
            elif isinstance(node, ast.Try):
                visit(node.body)
            else:
                found.update(imported(node, file))

    visit(tree(file).body)
    ours = {module_of(each) for each in FILES}
    return {name for name in found if name in ours}


def test_no_two_modules_import_each_other() -> None:
    graph = {module_of(file): first_imports(file) - {module_of(file)} for file in FILES}
    for file in FILES:  # a package's own module gathers what its parts offer
        if file.name == "__init__.py":
            for names in graph.values():
                names.discard(module_of(file))
    while leaves := {name for name, needs in graph.items() if not needs & graph.keys()}:
        graph = {name: needs for name, needs in graph.items() if name not in leaves}
    assert graph == {}, "these are in a circle, or lead into one"


def loaded_by(statement: str, *options: str) -> set[str]:
    """The modules that a fresh interpreter has after a statement."""
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{statement}\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-P", *options, "-c", code],
        capture_output=True,
        text=True,
        cwd="/",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_a_whole_engine_loads_no_screen() -> None:
    names = [
        module_of(file)
        for file in FILES
        if relative(file).startswith("engine/") and "/standard/" not in relative(file)
    ]
    loaded = loaded_by("import " + ", ".join(names))
    assert "starlette" in loaded
    assert "engine.server.app" in loaded
    assert not [name for name in loaded if within(name, NEVER["engine"])]


@pytest.mark.parametrize(
    "names",
    [
        ("engine.runner.main", "engine.runner.warm.serving", "engine.runner.launch"),
        ("engine.client.http", "engine.client.launch", "engine.wire", "engine.paths"),
        ("engine.cli.main", "engine.cli.run", "engine.cli.listing", "engine.cli.logs"),
    ],
    ids=["runner", "client", "commands"],
)
def test_it_needs_the_standard_library_only(names: tuple[str, ...]) -> None:
    """-S: no site-packages to be found at all."""
    loaded = loaded_by("import " + ", ".join(names), "-S", "-E")
    assert set(names) <= loaded
    assert "asyncio" not in loaded


def test_the_core_loads_nothing_of_the_world() -> None:
    loaded = loaded_by("import engine.core.decide, engine.core.reduce, engine.core.prepare")
    assert not loaded & {"asyncio", "apsw", "sqlite3", "socket", "threading", "subprocess"}
    assert not [name for name in loaded if within(name, ("engine.journal", "engine.paths"))]


# -- size --


def longer_than(limit: int, files: list[Path]) -> set[str]:
    return {
        relative(file)
        for file in files
        if len(file.read_text(encoding="utf-8").splitlines()) > limit
    }


def test_modules_are_small() -> None:
    assert longer_than(LIMIT_LINES, [*FILES, *TESTS]) == LONGER, (
        "too long, or no exception any more"
    )
    longer = longer_than(AIM_LINES, FILES)
    assert len(longer) <= LONGER_SHARE * len(FILES), sorted(longer)


def test_functions_are_small() -> None:
    found = {
        f"{relative(file)}:{node.name}"
        for file in FILES
        for node in ast.walk(tree(file))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or node.lineno) - node.lineno >= FUNCTION_LINES
    }
    assert found == LONG_FUNCTIONS, "too long, or no exception any more"


# -- what never --


def test_a_module_says_what_it_is_for() -> None:
    assert [relative(file) for file in FILES if not ast.get_docstring(tree(file))] == []


def calls() -> Iterator[tuple[str, str, ast.Call]]:
    """(file, what is called, the call) of every call."""
    for file in FILES:
        for node in ast.walk(tree(file)):
            if isinstance(node, ast.Call):
                yield relative(file), ast.unparse(node.func), node


def test_there_is_one_clock() -> None:
    """Another one would not know what the first gave out: after a clock set back, times differ."""
    made = {place for place, called, _ in calls() if called == "Clock"}
    assert made == {"engine/parts.py"}


def test_nothing_is_unpickled_evaluated_or_given_to_a_shell() -> None:
    for file in FILES:
        assert not {"pickle", "marshal", "shelve", "dill"} & imports(file), file
    for place, called, node in calls():
        assert called not in ("eval", "os.system", "os.popen", "yaml.load", "yaml.unsafe_load"), (
            place
        )
        # a worker runs a step's own script: that is what it is for
        assert called != "exec" or place == "engine/runner/warm/serving.py", place
        assert "shell=True" not in [ast.unparse(word) for word in node.keywords], place


def test_only_commands_print() -> None:
    for place, called, node in calls():
        if called == "print" and not place.startswith(("engine/cli/", "engine/standard/")):
            assert place in SPEAKERS
            assert "file=sys.stderr" in [ast.unparse(word) for word in node.keywords], place


def tracked() -> list[Path]:
    """Every text file of the repository; without git, every file of the rooms."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    names = [name for name in done.stdout.decode().split("\0") if name]
    return [ROOT / name for name in names] if done.returncode == 0 else [*FILES, *TESTS]


def test_nothing_of_the_workshop_is_in_the_repository() -> None:
    """No path of the machine that it was made on, no host to install from, nobody's key."""
    foreign = re.compile(
        r"/work[/](?:main|shared)|/home/\w+/\w+|(?:extra-)?index-url|trusted-host"
        r"|https?://[^\s/]*(?:pypi|pythonhosted|npmjs|artifactory|nexus)"
        r"|-----BEGIN (?:RSA |EC |OPENSSH )?PRIVATE KEY-----\n[A-Za-z0-9+/]{60}",
    )
    for file in tracked():
        if not file.is_file() or file == Path(__file__):
            continue
        found = foreign.search(file.read_text(encoding="utf-8", errors="replace"))
        assert found is None, (relative(file), found)


def test_doctor_looks_for_what_is_required() -> None:
    text = (ROOT / "requirements.in").read_text(encoding="utf-8")
    names = [line.split("==")[0] for line in text.splitlines() if line and line[0] != "#"]
    assert sorted(LIBRARIES) == sorted(names)


def test_migrations_are_numbered_without_a_hole_or_a_twin() -> None:
    names = sorted(path.name for path in (ROOT / "engine/journal/migrations").glob("*.sql"))
    assert [int(name[:4]) for name in names] == list(range(2, len(names) + 2))
