"""`wingman doctor`: this machine, a home and its engine, this terminal; one finding a line.

Called by the command line and the engine. Changes nothing and starts nothing; what is looked at
is imported inside the checks, so that a broken part becomes a finding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from engine.doctor import home as of_home
from engine.doctor import machine, terminal
from engine.doctor.finding import Finding
from engine.doctor.machine import LIBRARIES
from engine.paths import Home

__all__ = ["LIBRARIES", "Finding", "examine", "examine_server"]

Check = Callable[[Home], Iterator[Finding]]
# what matters where the engine runs
SERVER_CHECKS: tuple[Check, ...] = (
    machine.python, machine.libraries, machine.sqlite, machine.programs,
    of_home.home, of_home.configuration, of_home.journal, of_home.disk, of_home.engine,
    of_home.socket, of_home.system_log,
    machine.containment, machine.logout, machine.limits,
)  # fmt: skip


def examine(home: Home) -> list[Finding]:
    """Every finding; a check that itself fails is one."""
    checks = (*SERVER_CHECKS, terminal.terminal, terminal.locale)
    return [finding for check in checks for finding in _safely(check, home)]


def examine_server(home: Home) -> list[Finding]:
    """What matters where the engine runs; the terminal is where the console is."""
    return [finding for check in SERVER_CHECKS for finding in _safely(check, home)]


def _safely(check: Check, home: Home) -> list[Finding]:
    name = check.__name__.replace("_", " ")
    try:
        return list(check(home))
    except Exception as error:  # whatever is broken on this machine must not end the examination
        return [Finding(name, "warn", f"could not be looked at: {type(error).__name__}: {error}")]
