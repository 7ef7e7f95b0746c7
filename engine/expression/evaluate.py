"""Evaluates expressions: plain paths by ourselves, the rest by CEL, within bounds.

Called by the engine's core for light expressions and by the sandbox for heavy ones. Pure: the
time of now() comes in with the names, under `NOW`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from typing import Any

from engine.errors import ExpressionError

from . import explain
from .cost import size_of, too_much
from .functions import NOW, REPLACED, ResultTooLarge, moment_of, table
from .scan import Reference, Scan, scan
from .values import MISSING, look_up, to_json


class HeavyExpression(ExpressionError):
    """May take too long for the engine's own thread: evaluate it in the sandbox."""


def evaluate(expression: str, names: Mapping[str, Any], *, masked: Collection[str] = (),
             heavy: bool = False) -> Any:
    """The expression's value as JSON.

    `masked` names references (`inputs.token`) whose values no message may show. Raises
    HeavyExpression for what must go to the sandbox, unless `heavy` says that we are in it.
    """
    scanned = scan(expression)
    if scanned.problem is not None:
        raise explain.syntax_error(scanned)
    if scanned.path is not None:
        value = look_up(scanned.path, names)
        if value is MISSING:
            raise explain.missing(scanned, names)
        return value
    try:
        compiled(scanned)
    except ExpressionError as error:
        raise explain.syntax_error(scanned, error) from None
    try:
        return _by_cel(scanned, names, heavy)
    except HeavyExpression:
        raise
    except ExpressionError as error:
        raise explain.failed(scanned, names, masked, error.message, error.hint) from None


def is_heavy(expression: str, names: Mapping[str, Any]) -> bool:
    """Whether `evaluate` would refuse the expression here and want the sandbox."""
    scanned = scan(expression)
    if scanned.problem is not None or scanned.path is not None:
        return False
    try:
        return too_much(scanned, _values(scanned, names))
    except ExpressionError:
        return False  # evaluate says what is wrong


def _values(scanned: Scan, names: Mapping[str, Any]) -> list[Any]:
    """The value of each reference that is there."""
    found = (look_up(path, names) for path in {ref.path for ref in scanned.references})
    return [value for value in found if value is not MISSING]


def _by_cel(scanned: Scan, names: Mapping[str, Any], heavy: bool) -> Any:
    values = _values(scanned, names)
    if heavy:
        size_of(values)
    elif too_much(scanned, values):
        raise HeavyExpression("the expression is too costly to evaluate here")
    program = compiled(scanned)
    context = _context(scanned, names, heavy)
    try:
        return to_json(program.execute(context))
    except ExpressionError:
        raise
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a panic of the library is no Exception
        if not heavy and ResultTooLarge.__name__ in str(error):
            raise HeavyExpression("the expression makes too large a value here") from None
        raise explain.from_cel(error) from None


@lru_cache(maxsize=1024)
def compiled(scanned: Scan) -> Any:
    """CEL's program of a scanned text; raises ExpressionError with details["offset"]."""
    from .library import cel

    try:
        program = cel().compile(scanned.text)
        replaced = with_our_functions(scanned)
        return program if replaced == scanned.text else cel().compile(replaced)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a panic of the library is no Exception
        raise explain.from_cel(error) from None


def with_our_functions(scanned: Scan) -> str:
    """The text with built-in functions that ours replace called by ours' names: CEL would
    otherwise prefer its own."""
    text = scanned.text
    for call in reversed(scanned.calls):
        if call.name in REPLACED:
            end = call.start + len(call.name)
            text = text[: call.start] + REPLACED[call.name] + text[end:]
    return text


def _context(scanned: Scan, names: Mapping[str, Any], heavy: bool) -> Any:
    """The names that the expression refers to, cut down to what it reads, and its functions."""
    from .library import cel

    context = cel().Context(cut(scanned.references, names))
    registry = table(heavy)
    called = {REPLACED.get(call.name, call.name) for call in scanned.calls}
    for name in called & registry.keys():
        context.add_function(name, registry[name])
    if "now" in called:
        if NOW not in names:
            raise ExpressionError("now() has no time here")
        moment = moment_of(names[NOW])
        context.add_function("now", lambda: moment)
    return context


def cut(references: Iterable[Reference], names: Mapping[str, Any]) -> dict[str, Any]:
    """The names with nothing in them but what the references reach."""
    kept: dict[str, Any] = {}
    for path in sorted({reference.path for reference in references}, key=len, reverse=True):
        _copy_path(path, names, kept)
    return kept


def _copy_path(path: tuple[str | int, ...], source: Mapping[str, Any],
               target: dict[str, Any]) -> None:
    """Copy what a path reaches; shorter paths come later and replace with the whole."""
    value: Any = source
    for position, key in enumerate(path):
        if not isinstance(value, Mapping) or key not in value:
            return
        value = value[key]
        follows = path[position + 1] if position + 1 < len(path) else None
        if not isinstance(value, Mapping) or follows is None or isinstance(follows, int):
            target[str(key)] = dict(value) if isinstance(value, Mapping) else value
            return
        target = target.setdefault(str(key), {})
