"""What environments are called: a `runs-on` type has one canonical name, however a file spells it (LANGUAGE §2)."""

from __future__ import annotations

#: A vendor's own name → the canonical one.
ALIASES = {"azure-batch": "az-batch", "gcp-batch": "cloud-batch"}


def canonical(type: str) -> str:
    """The canonical name of a type: `_` and `-` are equal in it, and the vendors' names are taken."""
    name = type.replace("_", "-")
    return ALIASES.get(name, name)
