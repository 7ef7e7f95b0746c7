"""The durable engine of Wingman: journal, scheduler, runner, API. Knows no screen."""

__version__ = "0.1.0"
