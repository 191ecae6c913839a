"""Benchmarks: `make bench`, or `python -m tests.benchmarks [startup|frontend|engine|api …]`.

Each figure is a ratio against a floor or a peer measured in the same run, since machines differ and drift. No test
asserts a time.
"""
