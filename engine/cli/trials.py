"""`wingman test [FLOW|FILE]…`: the flows' own tests, with mocked steps and no side effect."""

from __future__ import annotations

import sys

from engine.cli.format import count
from engine.cli.run import is_file, read_flow_file
from engine.cli.terminal import clean, clean_lines, paint, print_json, tell
from engine.client.http import segment
from engine.client.launch import ensure_engine
from engine.errors import FlowFileError, UsageError
from engine.paths import find_home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from engine.cli.parser import Arguments, Parser


def arguments(parser: Parser, name: str) -> None:
    """Declare the arguments."""
    parser.argument(
        "flows", takes="*", metavar="FLOW|FILE", help="left out: every flow that can be run by name"
    )
    parser.option("--name", metavar="TEXT", help="only the tests whose name holds this")
    parser.json_flag()


def execute(args: Arguments, name: str) -> int:
    """Run the tests; 0 if all pass, 1 if one fails, 2 for a file that cannot be read."""
    from engine.rehearsal.trials import run_tests

    trials, wrong = [], 0
    for source, text in _texts(args.flows):
        try:
            definition = _compiled(source, text)
        except FlowFileError as error:
            tell(clean_lines(error.message))
            wrong += 1
            continue
        found = run_tests(definition, args.name)
        if args.flows and not found and not args.name:
            tell(f"{clean(definition['name'])} has no tests")
        trials += found
    for trial in trials:
        _print(trial, args.json)
    failed = sum(not trial.passed for trial in trials)
    if args.name and not trials:
        raise UsageError(f"no test's name holds {args.name!r}", "leave --name out to run all")
    if not args.json:
        tell(f"{count(len(trials), 'test')}, {failed} failed")
    return 2 if wrong else int(failed > 0)


def _texts(words: list[str]) -> Iterator[tuple[str, str]]:
    """(path, text) of each flow."""
    client = None
    if not words or not all(is_file(word) for word in words):
        client = ensure_engine(find_home())
    if not words and client is not None:
        words = [flow["name"] for flow in client.request("GET", "/v1/flows")["flows"]]
    for word in words:
        if is_file(word):
            yield read_flow_file(word)
        elif client is not None:
            flow = client.request("GET", f"/v1/flows/{segment(word)}")
            yield flow["source"], flow["definition"]


def _compiled(source: str, text: str) -> dict[str, Any]:
    from engine.flowfile import compile_flow

    return compile_flow(text.encode(), source)


def _print(trial: Any, as_json: bool) -> None:
    if as_json:
        print_json(trial.to_json())
        return
    word = (
        paint("ok    ", "green", file=sys.stdout)
        if trial.passed
        else paint("FAILED", "red", "bold", file=sys.stdout)
    )
    print(f"{word}  {clean(trial.flow)}: {clean(trial.name)}")
    if trial.problem:
        print(f"        {clean(trial.problem)}")
    for found in trial.differences:
        expected, got = f"- expected {_value(found.expected)}", f"+ found    {_value(found.found)}"
        print(f"        {clean(found.what)}")
        print(f"          {paint(expected, 'green', file=sys.stdout)}")
        print(f"          {paint(got, 'red', file=sys.stdout)}")
        if found.because:
            print(f"            {clean(found.because)}")


def _value(value: Any) -> str:
    import json

    return clean(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
