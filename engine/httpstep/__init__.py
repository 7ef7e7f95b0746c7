"""What carries an `http` step out: runs in a warm worker, never in the engine or the runner."""
