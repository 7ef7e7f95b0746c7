"""The command line. Every command is a client of the engine, and imports only what it needs."""
