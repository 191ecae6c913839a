"""Which files a command works on.

Without paths: those that the globs of `files` name, relative to the project's root. A named file is taken
whatever its name is. In a named folder the same globs hold, read from the root, from the folder itself and
from the folder above it, so that `jobc lint services/api/jobs` finds what `jobs/**/*.yml` means. An
argument with `*`, `?` or `[` that is no file's name is a glob of its own. Folders that hold no sources
(`.git`, `.venv`, …) and what `exclude` matches are left out; a file named by its path never is.
"""

from __future__ import annotations

import os
import re

from jobc.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from jobc.cli.context import Context

_LEFT_OUT = frozenset((".git", ".hg", ".svn", ".jobc", ".venv", "node_modules", "__pycache__"))


def expand(paths: Sequence[str], context: Context) -> list[str]:
    """The files that `paths` name (the settings' own without any), as paths relative to the working folder
    where that is shorter to read, in order of the arguments and sorted within each, without repetition.

    `-` stays as it is. Raises UsageError where a path does not exist or nothing is found.
    """
    config = context.config
    root = context.root
    match = _matcher(config.files)
    exclude = _matcher([*config.exclude, *(glob.rstrip("/") + "/**" for glob in config.exclude)])

    def excluded(path: str) -> bool:
        return exclude(_relative(path, root))

    if not paths:
        found = [path for path in _walk(root) if match(_relative(path, root)) and not excluded(path)]
        if not found:
            raise UsageError(
                f"no jobs files found in {root}",
                help=f"name the files, or set `files` in jobc.toml (now: {', '.join(config.files)})",
            )
        return [_shown(path, context.cwd) for path in found]

    result: dict[str, None] = {}
    for path in paths:
        if not path:
            raise UsageError(
                "an empty text names no file", help="leave it out, or write `.` for the working folder"
            )
        if path == "-":
            result["-"] = None
            continue
        absolute = os.path.normpath(os.path.join(context.cwd, path))
        if os.path.isdir(absolute):
            bases = (root, absolute, os.path.dirname(absolute))
            found = [
                file
                for file in _walk(absolute)
                if any(match(_relative(file, base)) for base in bases) and not excluded(file)
            ]
            if not found:
                raise UsageError(
                    f"no jobs files found in {path}",
                    help=f"name the files themselves, or set `files` in jobc.toml (now: {', '.join(config.files)})",
                )
        elif os.path.exists(absolute):
            found = [absolute]
        elif os.path.islink(absolute):
            raise UsageError(
                f"`{path}` is a symbolic link that leads to no file", help="mend the link, or remove it"
            )
        elif any(sign in path for sign in "*?["):
            found = _glob(path, context.cwd, excluded)
            if not found:
                raise UsageError(f"no file matches `{path}`", help="a glob is read from the working folder")
        else:
            raise UsageError(f"there is no file `{path}`", help=_near(absolute, context.cwd))
        for file in found:
            result[_shown(file, context.cwd)] = None
    return list(result)


def _glob(glob: str, cwd: str, excluded: Callable[[str], bool]) -> list[str]:
    absolute = os.path.normpath(os.path.join(cwd, glob))
    fixed = re.split(r"[*?[]", absolute, maxsplit=1)[0]
    base = os.path.dirname(fixed)
    match = _matcher([_relative(absolute, base)])
    return [file for file in _walk(base) if match(_relative(file, base)) and not excluded(file)]


def _walk(folder: str) -> Iterator[str]:
    """All files under `folder`, sorted by their path's parts; symbolic links to folders are not followed."""
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            if entry.name not in _LEFT_OUT:
                yield from _walk(entry.path)
        elif _is_file(entry):
            yield entry.path


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link to itself
        return False


def _matcher(globs: Sequence[str]) -> Callable[[str], bool]:
    """Whether a path with `/` between its parts matches any of `globs`."""
    if not globs:
        return lambda path: False
    pattern = re.compile("|".join(_regex(glob) for glob in globs), re.DOTALL)
    return lambda path: pattern.fullmatch(path) is not None


def _regex(glob: str) -> str:
    if glob.startswith("./"):
        glob = glob[2:]
    out = []
    index = 0
    while index < len(glob):
        if glob.startswith("**/", index):
            out.append("(?:[^/]+/)*")
            index += 3
        elif glob.startswith("**", index):
            out.append(".*")
            index += 2
        elif glob[index] == "*":
            out.append("[^/]*")
            index += 1
        elif glob[index] == "?":
            out.append("[^/]")
            index += 1
        elif glob[index] == "[" and (end := glob.find("]", index + 2)) > 0:
            inside = glob[index + 1 : end]
            negated = inside[0] in "!^"
            inside = inside[1:] if negated else inside
            letters = re.escape(inside).replace("\\-", "-")
            out.append(f"[^/{letters}]" if negated else f"[{letters}]")
            index = end + 1
        else:
            out.append(re.escape(glob[index]))
            index += 1
    return "".join(out)


def _relative(path: str, base: str) -> str:
    if path.startswith(base + os.sep):
        path = path[len(base) + 1 :]
    elif base == os.sep:
        path = path[1:]
    return path.replace(os.sep, "/")


def _shown(path: str, cwd: str) -> str:
    if path.startswith(cwd + os.sep):
        return path[len(cwd) + 1 :]
    relative = os.path.relpath(path, cwd)
    return relative if relative.count("..") <= 3 else path


def _near(absolute: str, cwd: str) -> str:
    from jobc.interpreter.nearest import nearest

    folder, name = os.path.split(absolute)
    while not os.path.isdir(folder):
        folder, name = os.path.split(folder)
    match = nearest(name, sorted(os.listdir(folder)))
    if match is not None:
        return f"did you mean `{_shown(os.path.join(folder, match), cwd)}`?"
    return f"paths are read from the working folder, {cwd}"
