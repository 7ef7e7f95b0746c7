"""Checks `script:` texts before anything runs: their syntax, and where quote() stands in them.

Called by `compile` and `check`. A script with `${{ }}` in it is Python only when it is filled in,
so its syntax is left alone.
"""

from __future__ import annotations

import ast
import io
import tokenize
import warnings

from .problems import Problems
from .yaml_tree import Mapping, Scalar, Source

_LIMIT_CHARACTERS = 30_000  # of all scripts of a file; parsing more would take too long
_STAND_IN = "WINGMAN_EXPRESSION_{}_"


def check_scripts(problems: Problems, steps: list[Mapping], source: Source) -> None:
    """Note the first syntax error of each step's script."""
    left = _LIMIT_CHARACTERS
    for step in steps:
        python = step.entries["python"][1] if "python" in step.entries else None
        script = (python.entries["script"][1]
                  if isinstance(python, Mapping) and "script" in python.entries else None)
        if not isinstance(script, Scalar) or "${{" in script.text or len(script.text) > left:
            continue
        left -= len(script.text)
        _check_one(problems, script, source)


def _check_one(problems: Problems, script: Scalar, source: Source) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(script.text)
    except SyntaxError as error:
        lines = script.text.split("\n")[: (error.lineno or 1) - 1]
        offset = sum(len(line) + 1 for line in lines) + max((error.offset or 1) - 1, 0)
        place = source.place(script, min(offset, len(script.text)))
        problems.add(place, f"the script is no Python: {error.msg}", "")
    except (ValueError, MemoryError, RecursionError) as error:
        problems.add(script, f"the script is no Python: {error or 'too deeply nested'}")


def free_expressions(literals: tuple[str, ...]) -> set[int]:
    """The numbers of a template's expressions that stand as words of their own in the Python text:
    not in a text, a comment or a part of a name."""
    text = literals[0]
    for number, literal in enumerate(literals[1:]):
        text += _STAND_IN.format(number) + literal
    if len(text) > _LIMIT_CHARACTERS:
        return set()
    names: set[str] = set()
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.NAME:
                names.add(token.string)
    except (tokenize.TokenError, SyntaxError):  # what follows cannot be known
        return set()
    return {number for number in range(len(literals) - 1) if _STAND_IN.format(number) in names}
