"""When to try which architecture, which won, and where that is recorded."""
