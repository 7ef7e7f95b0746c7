"""Pastes values into texts and trees of texts. Called by the engine's core and the sandbox."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from engine.errors import ExpressionError

from .evaluate import evaluate
from .scan import LIMIT_LEVELS
from .template import Template, is_template, parts_of
from .values import as_text

LIMIT_PASTED_CHARACTERS = 16_000_000


def render(template: str, names: Mapping[str, Any], *, masked: Collection[str] = (),
           heavy: bool = False) -> str:
    """The template with each `${{ expression }}` replaced by its value's text."""
    if not is_template(template):
        return template
    parts = _parts(template)
    pasted = [parts.literals[0]]
    for part, literal in zip(parts.expressions, parts.literals[1:], strict=True):
        value = evaluate(part.text, names, masked=masked, heavy=heavy)
        pasted += (as_text(value), literal)
    if sum(map(len, pasted)) > LIMIT_PASTED_CHARACTERS:
        raise ExpressionError(f"a text grows beyond {LIMIT_PASTED_CHARACTERS:,} characters",
                              "pass a file's path instead")
    return "".join(pasted)


def resolve(value: Any, names: Mapping[str, Any], *, masked: Collection[str] = (),
            heavy: bool = False) -> Any:
    """A tree with its templates filled in; a text that is one `${{ }}` alone keeps the type."""
    return _resolve(value, names, masked, heavy, LIMIT_LEVELS)


def _resolve(value: Any, names: Mapping[str, Any], masked: Collection[str], heavy: bool,
             levels: int) -> Any:
    if isinstance(value, str):
        if not is_template(value):
            return value
        parts = _parts(value)
        if parts.lone:
            return evaluate(parts.expressions[0].text, names, masked=masked, heavy=heavy)
        return render(value, names, masked=masked, heavy=heavy)
    if levels == 0:
        raise ExpressionError(f"a value is nested more than {LIMIT_LEVELS} levels deep")
    if isinstance(value, Mapping):
        return {key: _resolve(item, names, masked, heavy, levels - 1)
                for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_resolve(item, names, masked, heavy, levels - 1) for item in value]
    return value


def _parts(template: str) -> Template:
    parts = parts_of(template)
    if parts.problem is not None:
        raise ExpressionError(parts.problem.what, parts.problem.hint, offset=parts.problem.offset)
    return parts
