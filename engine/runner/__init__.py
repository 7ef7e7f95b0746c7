"""The runner: a small process that starts the steps' processes and keeps their results."""
