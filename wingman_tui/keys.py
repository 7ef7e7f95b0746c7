"""The keys of the table of actions, with the operator's changes: who asks which key means what.

Asked by the screens' dispatch, the key bar, the help and the palette. Pure; standard library only.
"""

from __future__ import annotations

import difflib
import string
import unicodedata
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
    "at": "@",
}
KEY_NAMES_ASCII = {"enter": "Enter", "up": "Up", "down": "Down", "left": "Left", "right": "Right"}
# keys that a terminal cannot tell from others, or that screen and tmux take
RESERVED = frozenset({"ctrl+h", "ctrl+i", "ctrl+j", "ctrl+m", "ctrl+a", "ctrl+b"})
MODIFIERS = frozenset({"ctrl", "shift", "alt", "meta", "super", "hyper"})
NAMED = frozenset(
    {"up", "down", "left", "right", "home", "end", "pageup", "pagedown", "enter", "escape", "space",
     "tab", "backspace", "delete", "insert"}
) | {f"f{number}" for number in range(1, 25)}  # fmt: skip
# characters that Textual calls otherwise than Unicode does
SHORT = {"solidus": "slash", "reverse_solidus": "backslash", "commercial_at": "at",
         "hyphen_minus": "minus", "plus_sign": "plus", "low_line": "underscore"}  # fmt: skip
EVERYWHERE = frozenset({"list", "global"})  # scopes that every mode has below its own
INNER = {"tree": "execution", "log": "execution"}  # panes, and the mode that they are in


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
        found = [*clashes(self.actions), *_hidden(self.actions, changes or {})]
        if found:
            raise KeymapError("; ".join(dict.fromkeys(found)))
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

    def written(self, ids: Iterable[str], ascii_only: bool = False) -> dict[str, str]:
        """The first key of each action as it is written for a person, by the action's name."""
        found = (self._by_id[id_] for id_ in ids)
        return {a.name: key_name(a.keys[0], ascii_only) if a.keys else "" for a in found}

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
    return [replace(a, keys=_keys(a.id, changes[a.id])) if a.id in changes else a for a in actions]


def _keys(id_: str, words: str) -> tuple[str, ...]:
    keys = tuple(key_written(word) for word in words.split())
    for key in keys:
        if not _is_key(key):
            near = key.lower()
            hint = f"did you mean {near}?" if _is_key(near) else "such as x, ctrl+x, f5"
            raise KeymapError(f"{key} of {id_} is no key ({hint})")
    return keys


def key_written(key: str) -> str:
    """A key by its name, also where it is written as the character that it types."""
    written = {name: key for key, name in KEY_NAMES.items()}
    return written.get(key) or (_name_of(key) if len(key) == 1 and not key.isalnum() else key)


def _name_of(character: str) -> str:
    name = unicodedata.name(character, character).lower().replace("-", "_").replace(" ", "_")
    return SHORT.get(name, name)


def _is_key(key: str) -> bool:
    *modifiers, base = key.split("+")
    if not MODIFIERS.issuperset(modifiers) or not base:
        return False
    if base in NAMED or (len(base) == 1 and base.isalnum()):
        return True
    return base in map(_name_of, string.punctuation) or _is_character(base)


def _is_character(name: str) -> bool:
    try:
        unicodedata.lookup(name.replace("_", " "))
    except KeyError:
        return False
    return name == name.lower()


def _hidden(actions: Sequence[Action], changes: Mapping[str, str]) -> list[str]:
    """Every key given to an action that hides another's in the same mode, or is hidden by it."""
    own = {action.id: action.keys for action in ACTIONS}
    return [
        f"{key_name(key)} is the key of {other.id} and of {action.id}"
        for action in actions
        if action.id in changes
        for key in action.keys
        if key not in own[action.id]
        for other in actions
        if other.id != action.id and key in other.keys and _meet(action.scope, other.scope)
    ]


def _meet(one: str, other: str) -> bool:
    """Whether keys of both scopes mean something at the same time."""
    if one == other or EVERYWHERE & {one, other}:
        return True
    return INNER.get(one) == other or INNER.get(other) == one


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
