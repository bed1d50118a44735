"""Definitions that tests and benchmarks share: models, rows of the table, the random battery, exact integrals."""
