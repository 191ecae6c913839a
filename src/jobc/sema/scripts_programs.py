"""Programs that a shell script calls and that run text themselves: shells, interpreters, `ssh`.

Words are those of one command, quotes removed, the command's name first.
"""

from __future__ import annotations

import re

_SHELLS = frozenset(("bash", "sh", "dash", "ash", "zsh", "ksh", "mksh", "busybox", "su"))
#: Programs that run text, and the options whose argument is that text.
CODE_OPTIONS = {
    **dict.fromkeys(_SHELLS, "c"),
    "python": "c",
    "perl": "eE",
    "ruby": "e",
    "node": "ep",
    "php": "r",
    "Rscript": "e",
    "lua": "e",
    "pwsh": "c",
}
_CODE_LONG_OPTIONS = frozenset(("--eval", "--print", "--command", "--run"))
#: Options of these programs that take the next word.
_VALUE_OPTIONS = frozenset(("--rcfile", "--init-file", "-W", "-X", "-I", "-r", "--require", "-S"))
_SSH_VALUE_OPTIONS = frozenset("bcDEeFIiJLlmOopQRSWw")


def code_argument(texts: list[str], position: int) -> bool:
    """Whether this word is the code of `-c` (or its like) of a program that runs text, wherever that stands (`sudo sh -c …`)."""
    for start in range(position):
        base = program(texts[start])
        if base not in CODE_OPTIONS:
            continue
        at = start + 1
        code = False
        while at < len(texts):
            text = texts[at]
            if at == position and (code or (is_code_option(base, text) and len(text) > 2)):
                return True
            if not text.startswith(("-", "+")) or text in ("-", "--"):
                if code or base != "su":
                    break
            elif is_code_option(base, text):
                code = True
            elif text in _VALUE_OPTIONS or re.fullmatch(r"[-+][a-z]*[oO]", text):
                at += 1
            elif base == "python" and text == "-m":
                break
            at += 1
    return False


def ssh_host(texts: list[str]) -> int:
    """The position of ssh's host: the first word that is no option and no option's value."""
    at = 1
    while at < len(texts) and texts[at].startswith("-"):
        at += 2 if texts[at][-1] in _SSH_VALUE_OPTIONS and len(texts[at]) == 2 else 1
    return at


def is_code_option(base: str, text: str) -> bool:
    """Whether an option of the program `base` says that text to run follows."""
    if text.split("=", 1)[0] in _CODE_LONG_OPTIONS:
        return True
    if not text.startswith("-") or text.startswith("--"):
        return False
    letters = CODE_OPTIONS[base]
    return any(letter in text[1:] for letter in letters)


def program(text: str) -> str:
    """The program that a word names: its base name, Python without its version."""
    base = basename(text)
    return re.sub(r"^python[\d.]*$", "python", base)


def basename(text: str) -> str:
    return text.rsplit("/", 1)[-1]


def bare(text: str) -> str:
    """A word of the script without its quotes."""
    return text.replace('"', "").replace("'", "").replace("\\", "")
