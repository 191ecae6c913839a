"""Another name in the place of a wrong one, quoted as that is.

An expression may stand in a quoted YAML value, where its own quotes are doubled (`''x''`) or escaped (`\\"x\\"`).
So a fix keeps the quotes that stand there, and is none where the new name needs others.
"""

from __future__ import annotations

import re

_WORD = r"[^\W\d]\w*(?:-\w+)*"
_SAFE_IN_QUOTES = r"[\w./-]+(?: [\w./-]+)*"


def respelled(source: str, name: str) -> str | None:
    """`source`, a word or a quoted text of an expression as the file has it, with `name` instead; None if that needs other quotes."""
    match = re.fullmatch(r"""(''|\\?['"])(.*)\1""", source, re.DOTALL)
    if match is None:
        return name if is_word(name) else None
    return f"{match[1]}{name}{match[1]}" if re.fullmatch(_SAFE_IN_QUOTES, name) else None


def is_word(name: str) -> bool:
    """Whether a name can be written as it is: `a.name`."""
    return re.fullmatch(_WORD, name) is not None
