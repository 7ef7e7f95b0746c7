"""Flows without their effects. Pure: no process, no disk, no clock.

`simulate` runs one on the core with mocked steps, `trials` runs a flow's own tests that way,
`dry_run` says what a start would do.
"""
