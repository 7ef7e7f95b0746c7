"""What starts flows by itself: schedules, events, files, hooks, and the ledger of all of them.

`moments` and `judge` are pure; `keeper` is the shell that owns the armed triggers.
"""
