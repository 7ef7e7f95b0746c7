"""Flow files: their language, how they are read, and what is wrong with them.

    compile_flow(data: bytes, source: str) -> dict      the compiled flow; FlowFileError
    check_inputs(declared, given, given_text) -> dict   the inputs of a start; InputError
    json_schema() -> dict                               for editors (`wingman schema`)

The errors list all problems at once.

They are loaded when they are called: `check_inputs` is light, `compile_flow` loads YAML and CEL and
belongs in the sandbox or a command, not in the engine's own process.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def compile_flow(data: bytes, source: str) -> dict[str, Any]:
    """The compiled flow of docs/protocols.md, section 1; raises FlowFileError."""
    from .compile import compile_flow as compile_

    return compile_(data, source)


def check_inputs(declared: Sequence[Mapping[str, Any]], given: Mapping[str, Any],
                 given_text: Mapping[str, str]) -> dict[str, Any]:
    """All inputs with their values, typed and completed; raises InputError."""
    from .inputs import check_inputs as check

    return check(declared, given, given_text)


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a flow file."""
    from .jsonschema import json_schema as schema

    return schema()
