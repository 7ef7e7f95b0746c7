"""What an execution's record tells: why it fails or waits, where its time goes, what has changed.

Pure: the facts are gathered by `engine.server.explain`. Knows the shapes of `engine.wire`, but no
clock, no disk and no screen.
"""
