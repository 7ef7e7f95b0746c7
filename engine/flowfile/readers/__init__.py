"""Readers: one for each type of value in a flow file. Called through the tables of `schema`."""

from __future__ import annotations

from .containers import CommandLine, ListOf, MapOf, NodesOf
from .expressions import Expression, TemplateText, TemplateTree
from .reader import WRONG, Reader, Reading, Spot, plain
from .scalars import Boolean, Choice, Duration, Number, Text

__all__ = [
    "WRONG", "Boolean", "Choice", "CommandLine", "Duration", "Expression", "ListOf", "MapOf",
    "NodesOf", "Number", "Reader", "Reading", "Spot", "TemplateText", "TemplateTree", "Text",
    "plain",
]  # fmt: skip
