"""How other programs talk to an engine: a light synchronous client, and starting the engine."""
