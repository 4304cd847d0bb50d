"""Measurements, each run as `python -m benchmarks.NAME`; results lie in `results/`."""

import tfrs_ext  # noqa: F401  # First: it chooses Keras 2 for every import of a benchmark.
