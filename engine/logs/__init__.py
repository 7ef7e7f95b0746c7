"""The logs: plain files per attempt and one index per execution, written by the runner."""
