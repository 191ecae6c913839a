"""Words of a command that decide what runs though they are arguments: scripts, packages, images.

Words are those of one command, quotes removed, the command's name first. Where it cannot be told which word is meant
(an option that is not known), the answer is no.
"""

from __future__ import annotations

import re

from jobc.sema.scripts_programs import (
    CODE_OPTIONS,
    basename,
    code_argument,
    command_at,
    is_code_option,
    program,
)

COMMAND = "command"
CODE = "code"
SCRIPT = "script"
PACKAGE = "package"
IMAGE = "image"
ARGUMENT = "argument"

_SOURCING = frozenset(("source", "."))
_INTERPRETERS = frozenset(CODE_OPTIONS) - {"flock", "script", "sg", "su", "runuser", "dc", "mongo", "mongosh"}
#: Programs that install what they are told, which runs code of it: the words before the packages.
_INSTALLERS = {
    "pip": ("install",),
    "pipx": ("install", "run"),
    "npm": ("install", "i", "add", "exec"),
    "yarn": ("add", "dlx"),
    "pnpm": ("add", "dlx"),
    "gem": ("install",),
    "cargo": ("install",),
    "go": ("install", "run"),
    "conda": ("install",),
    "mamba": ("install",),
}
_RUNNING = frozenset(("npx", "uvx"))
#: Options of these whose value is a word of its own and no package.
_INSTALL_VALUES = frozenset(
    [
        "-r",
        "--requirement",
        "-c",
        "--constraint",
        "-t",
        "--target",
        "-i",
        "--index-url",
        "--extra-index-url",
        "--find-links",
        "-f",
        "-n",
        "--name",
        "--prefix",
        "--python",
        "--version",
        "-v",
        "--root",
    ]
)
_CONTAINERS = frozenset(("docker", "podman", "nerdctl"))
#: Options of `docker run` without a value; each other one that is known has its value as a word of its own, or after `=`.
_BARE = re.compile(r"--(?:rm|detach|interactive|tty|init|privileged|read-only|quiet|no-healthcheck)|-[ditq]+")
_VALUED = re.compile(
    r"-[eulvwpmh]|--(?:env|env-file|name|volume|mount|workdir|user|network|entrypoint|publish|memory|cpus|gpus|label"
    r"|hostname|platform|pull|restart|shm-size|tmpfs|ulimit|add-host|cap-add|cap-drop|device|ipc|log-driver)"
)


def role(texts: list[str], position: int) -> str:
    """What a word of a command decides."""
    if program(texts[0]) == "eval" or code_argument(texts, position):
        return CODE
    at = command_at(texts)
    if position == at:
        return COMMAND
    if names_script(texts[at:], position - at):
        return SCRIPT
    if names_package(texts[at:], position - at):
        return PACKAGE
    return IMAGE if names_image(texts[at:], position - at) else ARGUMENT


def names_script(texts: list[str], position: int) -> bool:
    """Whether a word is the file (or the module, after `-m`) that an interpreter runs, or that the shell reads."""
    base = program(texts[0])
    if base in _SOURCING:
        return position == 1
    if base not in _INTERPRETERS:
        return False
    for at, text in enumerate(texts[1:], 1):
        if at == position:
            return text[:1] != "-"
        if base == "python" and text == "-m":
            return position == at + 1
        if not text.startswith("-") or text in ("-", "--") or is_code_option(base, text):
            return text == "--" and position == at + 1
    return False


def names_package(texts: list[str], position: int) -> bool:
    """Whether a word is a package that is installed or fetched to be run."""
    base = re.sub(r"^pip[\d.]*$", "pip", basename(texts[0]))
    if base == "uv" and texts[1:2] in (["pip"], ["tool"]):
        texts, position, base = texts[1:], position - 1, "pip"
    elif program(texts[0]) == "python" and texts[1:3] == ["-m", "pip"]:
        texts, position, base = texts[2:], position - 2, "pip"
    if base in _RUNNING:
        first = next((at for at, text in enumerate(texts) if at and not text.startswith("-")), 0)
        return position == first
    if base not in _INSTALLERS or texts[1:2] == [] or texts[1] not in _INSTALLERS[base] or position < 2:
        return False
    return not texts[position].startswith("-") and texts[position - 1] not in _INSTALL_VALUES


def names_image(texts: list[str], position: int) -> bool:
    """Whether a word is the image that `docker run` (or `pull`, `create`) takes."""
    if basename(texts[0]) not in _CONTAINERS or texts[1:2] == []:
        return False
    if texts[1] == "pull":
        return position == len(texts) - 1
    if texts[1] not in ("run", "create"):
        return False
    at = 2
    while at < len(texts):
        text = texts[at]
        if not text.startswith("-"):
            return at == position
        if _BARE.fullmatch(text.partition("=")[0]) or "=" in text:
            at += 1
        elif _VALUED.fullmatch(text):
            at += 2
        else:
            return False
    return False
