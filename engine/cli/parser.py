"""One command's arguments: a small parser, since argparse takes as long as all of `python -c pass`.

Options are `--name VALUE`, `--name=VALUE`, `-nVALUE`; flags may stand together (`-fd`), `--` ends
them; arguments and options may be mixed. Errors name what was probably meant. Used by `main` and
the command modules.
"""

from __future__ import annotations

import sys

from engine.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, NoReturn


class Arguments:
    """What was given: an attribute for each declared argument."""

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...


class HelpWanted(Exception):
    """`-h` or `--help` was given."""


class Declared:
    """One option or argument of a command."""

    def __init__(
        self, names: tuple[str, ...], takes: str, default: Any, help: str, metavar: str,
        choices: tuple[str, ...], convert: Callable[[str], Any],
    ) -> None:  # fmt: skip
        self.names = names
        self.key = max(names, key=len).lstrip("-").replace("-", "_")
        self.takes = takes  # nothing | one | each (an option) | ? | + | * (an argument)
        self.default = default
        self.help = help
        self.metavar = metavar or ("|".join(choices) if choices else self.key.upper())
        self.choices = choices
        self.convert = convert

    def read(self, text: str) -> Any:
        """The value that the text stands for."""
        name = self.names[0] if self.names[0].startswith("-") else self.metavar
        if self.choices and text not in self.choices:
            meant = nearest(text, self.choices)
            known = ", ".join(self.choices)
            hint = f"did you mean {meant}?" if meant else f"one of: {known}"
            raise UsageError(f"{name}: {text!r} is none of {known}", hint)
        try:
            return self.convert(text)
        except ValueError as error:
            raise UsageError(f"{name}: {text!r} is not a whole number") from error


class Parser:
    """Declares and reads one command's arguments."""

    def __init__(self, command: str, summary: str) -> None:
        self.command = command
        self.summary = summary
        self._options: list[Declared] = []
        self._arguments: list[Declared] = []

    def flag(self, *names: str, help: str) -> None:
        """An option without a value."""
        self._options.append(Declared(names, "nothing", False, help, "", (), str))

    def option(
        self, *names: str, help: str, metavar: str = "", choices: tuple[str, ...] = (),
        default: Any = None, convert: Callable[[str], Any] = str, each: bool = False,
    ) -> None:  # fmt: skip
        """An option with a value; with `each` it may be repeated and is a list."""
        takes = "each" if each else "one"
        self._options.append(Declared(names, takes, default, help, metavar, choices, convert))

    def argument(
        self, name: str, *, help: str = "", metavar: str = "", choices: tuple[str, ...] = (),
        takes: str = "one",
    ) -> None:  # fmt: skip
        """A word without a dash; `takes` is one, ? (may be missing), + (a list) or * (or none)."""
        self._arguments.append(Declared((name,), takes, None, help, metavar, choices, str))

    def json_flag(self) -> None:
        """The option that every command with data has."""
        self.flag("--json", help="print JSON for scripts")

    def parse(self, words: list[str]) -> Arguments:
        """The command's arguments; UsageError, or HelpWanted."""
        args = Arguments()
        for declared in self._options:
            setattr(args, declared.key, [] if declared.takes == "each" else declared.default)
        rest = self._read_options(args, iter(words))
        for declared in self._arguments:
            if declared.takes in "+*":
                if not rest and declared.takes == "+":
                    self._missing(declared)
                setattr(args, declared.key, [declared.read(word) for word in rest])
                rest = []
            elif rest:
                setattr(args, declared.key, declared.read(rest.pop(0)))
            elif declared.takes == "?":
                setattr(args, declared.key, None)
            else:
                self._missing(declared)
        if rest:
            raise UsageError(f"{rest[0]!r} is one argument too many", self.usage())
        return args

    def _read_options(self, args: Arguments, words: Iterator[str]) -> list[str]:
        """Set the options; the words that are none."""
        rest: list[str] = []
        for word in words:
            if word == "--":
                return rest + list(words)
            if word.startswith("--"):
                name, given, value = word.partition("=")
                self._set(args, name, value if given else None, words)
            elif word.startswith("-") and len(word) > 1:
                self._read_short(args, word[1:], words)
            else:
                rest.append(word)
        return rest

    def _read_short(self, args: Arguments, letters: str, words: Iterator[str]) -> None:
        while letters:
            name, letters = f"-{letters[0]}", letters[1:]
            if self._find(name).takes == "nothing":
                self._set(args, name, None, words)
            else:
                self._set(args, name, letters or None, words)
                return

    def _set(self, args: Arguments, name: str, value: str | None, words: Iterator[str]) -> None:
        declared = self._find(name)
        if declared.takes == "nothing":
            if value is not None:
                raise UsageError(f"{name} takes no value", self.usage())
            setattr(args, declared.key, True)
            return
        value = next(words, None) if value is None else value
        if value is None:
            raise UsageError(f"{name} needs a value: {declared.metavar}", self.usage())
        if declared.takes == "each":
            getattr(args, declared.key).append(declared.read(value))
        else:
            setattr(args, declared.key, declared.read(value))

    def _find(self, name: str) -> Declared:
        for declared in self._options:
            if name in declared.names:
                return declared
        if name in ("-h", "--help"):
            raise HelpWanted
        meant = nearest(name, self.words())
        hint = f"did you mean {meant}?" if meant else self.usage()
        raise UsageError(f"unknown option {name}", hint)

    def _missing(self, declared: Declared) -> NoReturn:
        raise UsageError(f"{declared.metavar} is missing", self.usage())

    def words(self) -> list[str]:
        """What a shell may complete: options, and the choices of arguments."""
        options = [name for each in self._options for name in each.names if name[:2] == "--"]
        return [*options, *(word for each in self._arguments for word in each.choices), "--help"]

    def usage(self) -> str:
        """The command in one line."""
        shape = {"one": "{}", "?": "[{}]", "+": "{}…", "*": "[{}…]"}
        parts = [shape[each.takes].format(each.metavar) for each in self._arguments]
        return " ".join(["wingman", self.command, *parts, "[options]" if self._options else ""])

    def help(self) -> str:
        """The command's help."""
        lines = [f"usage: {self.usage()}", "", f"{self.summary[:1].upper()}{self.summary[1:]}.", ""]
        rows = [(each.metavar, each.help) for each in self._arguments if each.help]
        for each in self._options:
            value = "" if each.takes == "nothing" else f" {each.metavar}"
            rows.append((", ".join(each.names) + value, each.help))
        rows.append(("-h, --help", "print this"))
        from engine.cli.table import beside
        from engine.cli.terminal import width

        return "\n".join([*lines, *(f"  {row}" for row in beside(rows, width(sys.stdout) - 2))])


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that is most like this one, if any is."""
    import difflib

    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.55)
    return found[0] if found else None
