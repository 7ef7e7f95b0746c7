"""What live executions know and nobody else may read, and what masks it.

Owned by the scheduler: sensitive inputs, the values of declared secrets, by execution id.
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.core.hide import Mask
from engine.core.state import Execution
from engine.secrets import Secrets


class Hidden:
    """The values that one engine hides."""

    def __init__(self, secrets: Secrets, live: Mapping[str, Execution]) -> None:
        self.masks: dict[str, tuple[str, ...]] = {}  # texts to mask
        self.secret_values: dict[str, dict[str, str]] = {}  # of declared secrets
        self._mask_of: dict[str, Mask] = {}
        self._secrets = secrets
        self._live = live
        secrets.on_change = self._secret_changed

    def admit(self, execution: Execution, masks: tuple[str, ...]) -> None:
        """An execution comes into memory."""
        if execution.definition["secrets"]:
            self.secret_values[execution.id] = self._secrets.of(execution.definition)
            masks += self._secrets.texts(execution.definition, execution.created_at_us)
        for sealed in execution.derived:
            masks += self._secrets.open_derived(execution.id, sealed)
        if masks:
            self.masks[execution.id] = masks

    def add(self, execution_id: str, values: list[str]) -> str | None:
        """Mask these too; sealed, as the journal may keep them. None where all were known."""
        known = self.masks.get(execution_id, ())
        fresh = [value for value in values if value not in known]
        if not fresh:
            return None
        self.masks[execution_id] = (*known, *fresh)
        self._mask_of.pop(execution_id, None)
        return self._secrets.seal_derived(execution_id, fresh)

    def forget(self, execution_id: str) -> None:
        """An execution has left memory."""
        self.masks.pop(execution_id, None)
        self.secret_values.pop(execution_id, None)
        self._mask_of.pop(execution_id, None)

    def mask_of(self, execution: Execution) -> Mask | None:
        """What masks an execution's sensitive values; None where it has none."""
        values = self.masks.get(execution.id)
        if not values:
            return None
        mask = self._mask_of.get(execution.id)
        if mask is None:
            # only executions with sensitive inputs pay for it
            from engine.runner.masking import Masker

            mask = self._mask_of[execution.id] = Masker(list(values)).mask_json
        return mask

    def _secret_changed(self, name: str) -> None:
        """Steps that start from now on get what is kept now; what was known stays masked."""
        for id_ in self.secret_values:
            definition = self._live[id_].definition
            if name in definition["secrets"]:
                self.secret_values[id_] = values = self._secrets.of(definition)
                known = (*self.masks.get(id_, ()), *values.values())
                self.masks[id_] = tuple(dict.fromkeys(known))
                self._mask_of.pop(id_, None)
