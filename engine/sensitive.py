"""Sensitive inputs: sealed for the journal, masked for people, in the clear only in memory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.vault import Vault

SHOWN = "***"
SEALED = "$sealed"


class Sensitive:
    """What happens to the declared sensitive inputs of an execution; `context` is its id."""

    def __init__(self, key_file: Path, key_command: str = "") -> None:
        self._key_file = key_file
        self._key_command = key_command
        self._opened: Vault | None = None

    @property
    def vault(self) -> Vault:
        """What seals and opens; made with the first value that needs it."""
        if self._opened is None:
            from engine.vault import Vault  # most engines never see a sensitive input

            self._opened = Vault(self._key_file, self._key_command)
        return self._opened

    def seal(
        self, definition: dict[str, Any], inputs: dict[str, Any], context: str
    ) -> dict[str, Any]:
        """`inputs` as the journal may keep them."""
        names = sensitive_names(definition)
        return {
            name: {SEALED: self.vault.seal(value, f"{context}/{name}")} if name in names else value
            for name, value in inputs.items()
        }

    def open(
        self, definition: dict[str, Any], inputs: dict[str, Any], context: str
    ) -> dict[str, Any]:
        """The inputs of `seal` in the clear again."""
        names = sensitive_names(definition)
        return {
            name: self.vault.open(value[SEALED], f"{context}/{name}")
            if name in names and isinstance(value, dict)
            else value
            for name, value in inputs.items()
        }

    def seal_digest(
        self, definition: dict[str, Any], digest: str | None, context: str
    ) -> str | dict[str, Any] | None:
        """A request's digest as the journal may keep it: short secrets could be guessed from it."""
        if digest is None or not sensitive_names(definition):
            return digest
        return {SEALED: self.vault.seal(digest, f"{context}#request")}

    def open_digest(self, digest: str | dict[str, Any] | None, context: str) -> str | None:
        """The digest of `seal_digest` again."""
        if isinstance(digest, dict):
            return str(self.vault.open(digest[SEALED], f"{context}#request"))
        return digest


def sensitive_names(definition: dict[str, Any]) -> set[str]:
    """The names of the inputs that a flow declares as sensitive."""
    return {item["name"] for item in definition["inputs"] if item["sensitive"]}


def shown_inputs(definition: dict[str, Any], inputs: dict[str, Any]) -> dict[str, Any]:
    """`inputs` as people may see them."""
    names = sensitive_names(definition)
    return {
        name: SHOWN if name in names and value not in ("", None) else value
        for name, value in inputs.items()
    }


def mask_values(definition: dict[str, Any], inputs: dict[str, Any]) -> tuple[str, ...]:
    """The texts that must appear nowhere: sensitive values and the texts inside them."""
    names = sensitive_names(definition)
    found: list[str] = []
    for name, value in inputs.items():
        if name in names:
            _collect(value, found)
    return tuple(dict.fromkeys(found))


def _collect(value: Any, found: list[str]) -> None:
    if isinstance(value, dict):
        for item in value.values():
            _collect(item, found)
    elif isinstance(value, list):
        for item in value:
            _collect(item, found)
    elif value is not None and not isinstance(value, bool) and str(value):
        found.append(str(value))
