"""Contract suites for extensions, and fixtures that tests and benchmarks share."""
