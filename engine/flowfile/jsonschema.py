"""The JSON Schema of a flow file, made from the tables, for editors. Called by `wingman schema`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from engine.model import GROUP_KINDS

from .fields import BUILT, Key
from .names import FLOW_NAME, PATTERNS, wrong_name
from .schema import FLOW, KINDS, STEP_KEYS
from .trigger_schema import TRIGGERS


def json_schema() -> dict[str, Any]:
    """What an editor needs to complete and check a flow file while it is written."""
    properties = _properties(FLOW.values())
    properties["name"]["pattern"] = f"^{FLOW_NAME}$"
    properties["steps"]["minItems"] = 1
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Wingman flow",
        "type": "object",
        "properties": properties,
        "required": ["steps"],
        "additionalProperties": False,
        "$defs": {"step": _step(), "trigger": _trigger()},
    }


def _step() -> dict[str, Any]:
    kinds = [kind for kind in KINDS.values() if kind.status == BUILT]
    properties = _properties(STEP_KEYS)
    for kind in kinds:
        properties[kind.name] = {**kind.reader.schema(), "description": kind.doc}
        properties |= _properties(kind.keys)
    properties["id"]["pattern"] = PATTERNS[wrong_name]
    for group in GROUP_KINDS:
        properties[group]["minItems"] = 1
    return {
        "type": "object",
        "properties": properties,
        "required": ["id"],
        "oneOf": [{"required": [kind.name]} for kind in kinds],
        "additionalProperties": False,
    }


def _trigger() -> dict[str, Any]:
    kinds = [kind for kind in TRIGGERS.values() if kind.status == BUILT]
    properties: dict[str, Any] = {}
    for kind in kinds:
        properties |= _properties(key for name, key in kind.table.items() if name not in TRIGGERS)
    for kind in kinds:
        properties[kind.word] = {**kind.reader.schema(), "description": kind.doc}
    return {
        "type": "object",
        "properties": properties,
        "oneOf": [{"required": [kind.word]} for kind in kinds],
        "additionalProperties": False,
    }


def _properties(keys: Iterable[Key]) -> dict[str, Any]:
    return {key.name: {**key.reader.schema(), "description": key.doc}
            for key in keys if key.status == BUILT}
