"""The report of a run: what the journal and the program know, as one HTML file.

A room of its own, for it is the one phase that reads both what ran (`engine.history`) and what it was made from (the
needs graph of `graph`), neither of which may know the other.
"""
