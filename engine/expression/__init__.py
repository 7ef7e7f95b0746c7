"""Expressions (CEL) and the templates that hold them. Called by core, flow files and sandbox.

    references(text) -> set[str]                what an expression or template reads
    evaluate(expression, names) -> Any          ExpressionError; HeavyExpression: use the sandbox
    render(template, names) -> str              `${{ }}` pasted as text
    resolve(value, names) -> Any                a tree of texts; a lone `${{ }}` keeps its type
    is_template(text), is_heavy(expression, names), check(expression) -> Problem | None
    values_of(expression, names) -> list[str]   each reference with value and type (`expect`)

`names` maps inputs, env, steps, …; `names[NOW]` is the time of now() (RFC 3339, seconds or a
datetime). `masked={"inputs.token"}` keeps values out of messages. Everything but CEL itself is
light to import; CEL is loaded with the first expression that is more than a path.
"""

from .evaluate import HeavyExpression, cut, evaluate, is_heavy
from .explain import check, nearest, values_of
from .functions import NOW
from .paste import render, resolve
from .scan import Problem, Reference, Scan, scan
from .template import Part, Template, is_template, parts_of, references
from .values import as_text

__all__ = [
    "NOW", "HeavyExpression", "Part", "Problem", "Reference", "Scan", "Template", "as_text",
    "check", "cut",
    "evaluate", "is_heavy", "is_template", "nearest", "parts_of", "references", "render",
    "resolve", "scan", "values_of",
]
