"""jobc: a compiler for declarative job YAML, and a small runtime for what it compiled."""

__version__ = "0.1.0"
__all__ = ["__version__"]
