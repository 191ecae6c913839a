"""The mark that every process of a run bears in its environment, so that a later engine finds what a dead one left."""

from __future__ import annotations

#: The variable; a text of letters and digits.
MARK = "JOBC_RUN_MARK"
