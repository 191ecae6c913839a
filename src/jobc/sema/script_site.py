"""Where one expression of a shell script stands, and how its slot is written there."""

from __future__ import annotations

from jobc.sema.inert import Harmless

WORD = "word"
WORDS = "words"
INTEGER = "integer"
#: Words of which each is a whole number or nothing.
INTEGERS = "integers"
COMMENT = "comment"


class Site:
    """Where one expression stands. `use` is `word`, `words`, `integer`, `integers` or `comment`; `problem` is (finding, remedy).

    `reader` is the language (`sed`, `SQL`…) of the program that the text around it is for, if any. `harmless` are the
    texts for which there is no problem, and no reader.
    """

    __slots__ = ("harmless", "problem", "quoting", "reader", "use", "words")

    def __init__(
        self,
        quoting: str,
        use: str = WORD,
        problem: tuple[str, str] | None = None,
        reader: str | None = None,
        harmless: Harmless | None = None,
    ) -> None:
        self.quoting = quoting
        self.use = use
        #: Whether a list becomes one word an item here.
        self.words = use == WORDS
        self.problem = problem
        self.reader = reader
        self.harmless = harmless

    def write(self, name: str) -> str:
        """The script's text for a slot of this name."""
        if self.use == WORDS:
            return f'"${{{name}[@]}}"'
        if self.use == INTEGERS and self.words:
            return f'"${{{name}[@]}}"'
        plain = f"${{{name}[*]}}" if self.use == INTEGERS else f"${{{name}}}"
        if self.quoting == "word":
            return f'"{plain}"'
        if self.quoting == "single":
            return f"'\"{plain}\"'"
        if self.quoting == "ansi":
            return f"'\"{plain}\"$'"
        return plain
