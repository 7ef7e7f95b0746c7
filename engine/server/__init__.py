"""The API: HTTP and the window feed on the engine's socket."""
