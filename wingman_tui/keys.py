"""The keys of the table of actions, with the operator's changes: who asks which key means what.

Asked by the screens' dispatch, the key bar, the help and the palette. Pure; standard library only.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from wingman_tui.keymap import ACTIONS, ROLES, Action

HINTS_LIMIT = 7  # of the key bar
# what a key is called on the screen
KEY_NAMES = {
    "enter": "⏎",
    "escape": "esc",
    "slash": "/",
    "ampersand": "&",
    "asterisk": "*",
    "question_mark": "?",
    "pagedown": "PgDn",
    "pageup": "PgUp",
    "space": "space",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "colon": ":",
    "comma": ",",
    "full_stop": ".",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "minus": "-",
    "equals_sign": "=",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
}
KEY_NAMES_ASCII = {"enter": "Enter", "up": "Up", "down": "Down", "left": "Left", "right": "Right"}
# keys that a terminal cannot tell from others, or that screen and tmux take
RESERVED = frozenset({"ctrl+h", "ctrl+i", "ctrl+j", "ctrl+m", "ctrl+a", "ctrl+b"})


class KeymapError(Exception):
    """The operator's keys clash or name an unknown action; the message says which."""


def key_name(key: str, ascii_only: bool = False) -> str:
    """How a key is written for a person."""
    if ascii_only and key in KEY_NAMES_ASCII:
        return KEY_NAMES_ASCII[key]
    return KEY_NAMES.get(key, key)


class Keymap:
    """The table with the operator's changes in it."""

    def __init__(self, changes: Mapping[str, str] | None = None) -> None:
        self.actions = tuple(_changed(ACTIONS, changes or {}))
        found = clashes(self.actions)
        if found:
            raise KeymapError("; ".join(found))
        self._by_key = {
            (action.scope, key): action for action in self.actions for key in action.keys
        }
        self._by_id = {action.id: action for action in self.actions}
        self.role = ROLES[-1]  # what the person is at the other end of the line

    def find(self, scopes: Iterable[str], key: str) -> Action | None:
        """The action of a key in the innermost scope that knows it."""
        for scope in scopes:
            action = self._by_key.get((scope, key))
            if action is not None:
                return action
        return None

    def offers(self, action: Action) -> bool:
        """Whether the person's role can do it; the server decides, this offers nothing in vain."""
        return ROLES.index(self.role) >= ROLES.index(action.role)

    def __getitem__(self, id_: str) -> Action:
        return self._by_id[id_]

    def within(self, scopes: Sequence[str]) -> list[Action]:
        """Every action of these scopes, in the table's order, scope by scope."""
        return [
            a for scope in scopes for a in self.actions if a.scope == scope and self.offers(a)
        ]

    def hints(
        self, scopes: Sequence[str], applies: Callable[[Action], bool] = lambda action: True
    ) -> list[Action]:
        """What the key bar shows of what applies: the most useful first, help last."""
        # the key of the mode that one is in leads nowhere
        found = [
            action
            for action in self.within(scopes)
            if action.hint and action.keys and not _is_here(action, scopes) and applies(action)
        ]
        shown = sorted(found, key=lambda action: action.hint)
        return shown if len(shown) <= HINTS_LIMIT else [*shown[: HINTS_LIMIT - 1], shown[-1]]


def _is_here(action: Action, scopes: Sequence[str]) -> bool:
    return action.scope == "global" and action.name != "help" and action.name in scopes


def _changed(actions: Sequence[Action], changes: Mapping[str, str]) -> list[Action]:
    known = {action.id for action in actions}
    for id_ in changes:
        if id_ not in known:
            near = difflib.get_close_matches(id_, known, 1)
            raise KeymapError(
                f"there is no action {id_}" + (f" (did you mean {near[0]}?)" if near else "")
            )
    return [
        replace(a, keys=tuple(_normal(key) for key in changes[a.id].split()))
        if a.id in changes
        else a
        for a in actions
    ]


def _normal(key: str) -> str:
    written = {name: key for key, name in KEY_NAMES.items()}
    return written.get(key, key)


def clashes(actions: Iterable[Action]) -> list[str]:
    """Every key that means two things in one scope, or that no terminal sends; with both ids."""
    found: list[str] = []
    taken: dict[tuple[str, str], str] = {}
    for action in actions:
        for key in action.keys:
            if key in RESERVED:
                found.append(f"{key} of {action.id} is reserved: terminals send it for another key")
            other = taken.setdefault((action.scope, key), action.id)
            if other != action.id:
                found.append(f"{key_name(key)} is the key of {other} and of {action.id}")
    return found
