"""Every key of the language with values that are none: refused with place and words, never a crash."""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.errors import FlowFileError
from engine.flowfile import compile_flow
from engine.flowfile.problems import Problems
from engine.flowfile.yaml_tree import Mapping, Scalar, Sequence, read_tree

WHOLE = (Path(__file__).parent / "whole-language.yaml").read_bytes()
BAD: list[Any] = [
    None, [], {}, "", -1, 0, 1e99, True, {"x": 1}, [[]], "${{", "${{ nope }}", 10**30, "a\nb",
    "x" * 5000, [None, 1], {"": None},
]  # fmt: skip
PLACED = re.compile(r"^/f\.yaml:\d+:\d+: \S.+")
OURS = re.compile(r"NoneType|object at|Traceback|KeyError|<class|\bNone\b")
SAMPLE = 150  # of some 3,500; all of them were tried by hand


def plain(node: Any) -> Any:
    """A tree as JSON has it."""
    if isinstance(node, Mapping):
        return {key: plain(value) for key, (_, value) in node.entries.items()}
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    assert isinstance(node, Scalar)
    return node.value


def places(node: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    keys = node if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
    for key in keys:
        yield (*at, key)
        yield from places(node[key], (*at, key))


def changed(tree: Any, place: tuple[Any, ...], value: Any) -> bytes:
    found = copy.deepcopy(tree)
    inner = found
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return json.dumps(found).encode()


@pytest.mark.parametrize("seed", range(2))
def test_each_is_taken_or_refused_in_words(seed: int) -> None:
    node, _ = read_tree(WHOLE, Problems("/f.yaml"))
    tree = plain(node)
    compile_flow(json.dumps(tree).encode(), "/f.yaml")
    dice = random.Random(seed)
    everything = [(place, value) for place in places(tree) for value in BAD]
    refused = 0
    for place, value in dice.sample(everything, SAMPLE):
        try:
            compile_flow(changed(tree, place, value), "/f.yaml")
        except FlowFileError as error:
            refused += 1
            for line in str(error).splitlines():
                assert PLACED.match(line), (place, value, line)
                assert not OURS.search(line), (place, value, line)
    assert refused > SAMPLE / 2
