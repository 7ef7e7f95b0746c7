"""The inbox: failures that are alike, until their flows recover."""
