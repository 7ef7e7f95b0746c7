"""The console of Wingman: a client of the engine that shows everything live in a terminal."""
