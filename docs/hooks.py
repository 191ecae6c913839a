"""What mkdocs does to a page before Markdown: jobs files are highlighted by jobc's own lexer.

A block ```` ```yaml jobc … ```` carries words for the tests after its language; Markdown would not take it for code.
"""

from __future__ import annotations

import re
from typing import Any

_FENCE = re.compile(r"^(\s*```)yaml(?: jobc\b.*)?$", re.MULTILINE)


def on_page_markdown(markdown: str, **_: Any) -> str:
    return _FENCE.sub(r"\1jobc", markdown)
