"""Named secrets: sealed in the journal, given to the steps that declare them, masked everywhere.

secrets.value(name)            one value: a webhook's signature, an `auth` of http
secrets.of(definition)         what an execution of a flow gets, by name
secrets.texts(definition, …)   what must appear nowhere in its logs, events and answers
"""

from engine.secrets.store import Secrets

__all__ = ["Secrets"]
