"""Every error that Wingman raises on purpose, as one tree. Imports nothing.

WingmanError                 code, message, hint; what a person sees
├── UsageError               the command or request is wrong            (exit 2, HTTP 400)
│   ├── FlowFileError        a flow file has problems, all of them
│   ├── InputError           an input is missing or of the wrong type
│   └── UnknownReference     no such flow, execution or step            (exit 2, HTTP 404)
├── ExpressionError          an expression failed, with its values
├── Conflict                 not possible in the present state          (exit 1, HTTP 409)
├── NotAllowed               the caller may not                         (exit 5, HTTP 403)
│   └── Unauthenticated      nobody knows who asks                      (exit 5, HTTP 401)
├── Unavailable              no engine answers, or it is degraded       (exit 6, HTTP 503)
└── StorageError             the disk or the database failed            (exit 74)
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing costs every small command 4 ms
if TYPE_CHECKING:
    from typing import Any


class WingmanError(Exception):
    """A failure to show to a person: what happened and what helps.

    `code` is stable and crosses the wire; `status` is the HTTP status, `exit_code` the command's.
    """

    code = "error"
    status = 500
    exit_code = 1

    def __init__(self, message: str, hint: str = "", **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message

    def to_json(self) -> dict[str, Any]:
        """The error as it crosses the wire: {"code", "message", "hint", "details"}."""
        return {
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "details": self.details,
        }


class UsageError(WingmanError):
    """The command or the request is wrong."""

    code = "usage"
    status = 400
    exit_code = 2


class FlowFileError(UsageError):
    """A flow file has problems: a line of the message each; `wire.Problem`s in the details."""

    code = "flow_file"


class InputError(UsageError):
    """An input is missing, unknown, or not what its declaration asks for."""

    code = "input"


class UnknownReference(UsageError):
    """No such flow, execution or step; or more than one fits."""

    code = "unknown_reference"
    status = 404


class ExpressionError(WingmanError):
    """An expression failed; the message lists each reference with its value and type."""

    code = "expression"
    status = 400


class Conflict(WingmanError):
    """Not possible in the present state, such as cancelling what has ended."""

    code = "conflict"
    status = 409


class NotAllowed(WingmanError):
    """The caller has no right to do this."""

    code = "not_allowed"
    status = 403
    exit_code = 5


class Unauthenticated(NotAllowed):
    """The caller has not said who they are, or with a token that is worth nothing."""

    code = "unauthenticated"
    status = 401


class Unavailable(WingmanError):
    """No engine answers, or it cannot take new work now."""

    code = "unavailable"
    status = 503
    exit_code = 6


class StorageError(WingmanError):
    """The disk or the database failed; nothing more is acknowledged."""

    code = "storage"
    exit_code = 74


TREE: dict[str, type[WingmanError]] = {
    cls.code: cls
    for cls in (
        WingmanError,
        UsageError,
        FlowFileError,
        InputError,
        UnknownReference,
        ExpressionError,
        Conflict,
        NotAllowed,
        Unauthenticated,
        Unavailable,
        StorageError,
    )
}


def from_json(data: dict[str, Any]) -> WingmanError:
    """The error that `to_json` wrote, as the class of its code."""
    cls = TREE.get(str(data.get("code")), WingmanError)
    return cls(
        str(data.get("message", "unknown error")),
        str(data.get("hint", "")),
        **(data.get("details") or {}),
    )
