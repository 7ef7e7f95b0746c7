"""The console's modes and dialogs."""
