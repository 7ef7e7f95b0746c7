"""A warm Python worker's own process: what runs in it besides the steps. Standard library only."""
