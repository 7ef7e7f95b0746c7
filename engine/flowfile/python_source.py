"""Finds syntax errors of `script:` texts before anything runs. Called by `compile`.

A script with `${{ }}` in it is left alone: it is Python only when it is filled in.
"""

from __future__ import annotations

import ast
import warnings

from .readers import Reading
from .yaml_tree import Mapping, Scalar, Source

_LIMIT_CHARACTERS = 30_000  # of all scripts of a file; parsing more would take too long


def check_script(reading: Reading, steps: list[Mapping], source: Source) -> None:
    """Note the first syntax error of each step's script."""
    left = _LIMIT_CHARACTERS
    for step in steps:
        python = step.entries["python"][1] if "python" in step.entries else None
        script = (python.entries["script"][1]
                  if isinstance(python, Mapping) and "script" in python.entries else None)
        if not isinstance(script, Scalar) or "${{" in script.text or len(script.text) > left:
            continue
        left -= len(script.text)
        _check_one(reading, script, source)


def _check_one(reading: Reading, script: Scalar, source: Source) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(script.text)
    except SyntaxError as error:
        lines = script.text.split("\n")[: (error.lineno or 1) - 1]
        offset = sum(len(line) + 1 for line in lines) + max((error.offset or 1) - 1, 0)
        place = source.place(script, min(offset, len(script.text)))
        reading.problems.add(place, f"the script is no Python: {error.msg}", "")
    except (ValueError, MemoryError, RecursionError) as error:
        reading.problems.add(script, f"the script is no Python: {error or 'too deeply nested'}")
