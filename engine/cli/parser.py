"""One command's arguments: argparse, with errors that name what was probably meant.

Made for the one command that runs, never for all of them. Used by `main` and the command modules.
"""

from __future__ import annotations

import argparse

from engine.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import NoReturn

Arguments = argparse.Namespace


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that is most like this one, if any is."""
    import difflib

    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.55)
    return found[0] if found else None


class Parser(argparse.ArgumentParser):
    """Raises UsageError where argparse would exit; `--json` is added by `add_json`."""

    def __init__(self, command: str, summary: str) -> None:
        super().__init__(
            prog=f"wingman {command}",
            description=summary[:1].upper() + summary[1:] + ".",
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    def add_json(self) -> None:
        """The option that every command with data has."""
        self.add_argument("--json", action="store_true", help="print JSON for scripts")

    def parse(self, words: list[str]) -> Arguments:
        """The command's arguments."""
        args, unknown = self.parse_known_args(words)
        if unknown:
            self._refuse(unknown[0])
        return args

    def words(self) -> list[str]:
        """What a shell may complete: options, and the choices of arguments."""
        found: list[str] = []
        for action in self._actions:
            found += [text for text in action.option_strings if text.startswith("--")]
            if not action.option_strings:
                found += action.choices or ()
        return found

    def _refuse(self, word: str) -> NoReturn:
        if not word.startswith("-"):
            raise UsageError(f"{word!r} is one argument too many", self._usage())
        known = [text for action in self._actions for text in action.option_strings]
        meant = nearest(word.split("=")[0], known)
        hint = f"did you mean {meant}?" if meant else self._usage()
        raise UsageError(f"unknown option {word}", hint)

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, self._usage())

    def _usage(self) -> str:
        return " ".join(self.format_usage().split())
