"""Pictures of every mode and dialog, to be looked at: `make gallery`, or this module for some."""
