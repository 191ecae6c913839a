"""Code within a script: which values do no harm in the text that a command hands to a shell, or to another language.

What is known is only the text in front of the value, quotes removed. A value that would be the command there has to be
from a known set, or the end of a command's name; one that stands further on has to be plain (`inert.PLAIN`). Code of other
languages takes digits and known words: where a name means what there is not known here.
"""

from __future__ import annotations

import re

from jobc.sema.inert import ARGUMENT, FIXED, NAMES, PLAIN, Harmless
from jobc.sema.scripts_programs import command_at

#: Values for the rest of a command's name: they cannot lead to another folder.
_REST = Harmless(PLAIN - {"/"})
_COMMAND = Harmless(frozenset(), dash=False)
_UNQUOTED_SQL = Harmless(PLAIN - set("-:@%"))
_NAME = Harmless(NAMES | {"."})
_SED = PLAIN - set("%+:,/@")
_OTHER_LANGUAGE = re.compile(
    r"(?:^|[\s/|])(?:python[\d.]*|ipython|perl|ruby|node|bun|php|Rscript|R|lua|julia|pwsh|osascript|mongo(?:sh)?|expect|tclsh|dc"
    r"|[gmn]?awk|g?sed|jq|yq|gojq|psql|mysql|mariadb|sqlite3|duckdb)(?:\s|$)"
)
_ENDS = re.compile(r"[;&|\n({`!]|\b(?:then|do|else|elif|if|while|until)\s")
_ASSIGNMENT = re.compile(r"\w+\+?=")


def is_other_language(text: str) -> bool:
    """Whether a text names a program that takes code of a language of its own."""
    return _OTHER_LANGUAGE.search(text) is not None


def command_word(before: str) -> Harmless:
    """The values for a command's name of which `before` is written already."""
    return _REST if before else _COMMAND


def in_shell(before: str) -> Harmless:
    """The values that may follow `before` in code for a shell."""
    if is_other_language(before):
        return FIXED
    words = _ENDS.split(before)[-1].split()
    glued = bool(words) and not before[-1].isspace()
    if not glued:
        words.append("")
    words = words[
        next((at for at, word in enumerate(words) if _ASSIGNMENT.match(word) is None), len(words)) :
    ]
    if not words or command_at(words) < len(words) - 1:
        return ARGUMENT
    return command_word(words[-1])


def in_statement(language: str, before: str, after: str, quoting: str) -> Harmless | None:
    """The values that are data within a program for sed, jq, make or a database; `quoting` is that of the shell."""
    if language == "make":
        return ARGUMENT
    if language == "SQL":
        quoted = quoting in ("double", "heredoc") and before.count("'") % 2 and "'" in after
        return ARGUMENT if quoted else _UNQUOTED_SQL
    if language == "jq":
        mark = '\\"' if quoting == "double" else '"'
        if before.count(mark) % 2 and mark in after:
            return ARGUMENT
        return _NAME if before.endswith(".") else None
    if language == "sed":
        found = re.search(r"(?:^|[;{\s'\"])[\d,$]*(?:s([/|,#:@%])|(/))[^;]*$", before)
        return Harmless(_SED) if found is not None and (found[1] or "/") in after else None
    return None
