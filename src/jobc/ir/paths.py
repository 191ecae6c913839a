"""Paths and globs of files that a job reads, keeps and hands on (`cache`, `artifacts`).

A path is relative to the work folder, with `/` between its parts, and stays inside it. In a glob `*` and `?` stand for
characters of one part, `[ab]`, `[a-z]` and `[!a]` for one of them, and a part that is `**` for any number of folders,
none too. Wildcards do not match a dot at the beginning of a part. A path that names a folder means all that is in
it. In a list of paths, one with a leading `!` takes out again what those before it found.
"""

from __future__ import annotations

import re
from typing import List, Optional, Pattern, Tuple

_MAGIC = re.compile(r"[*?\[]")
_DRIVE = re.compile(r"[A-Za-z]:[/\\]")


def refusal(pattern: str) -> Optional[Tuple[str, str]]:
    """Why a path or glob cannot be used, and the remedy; None where it can."""
    inside = "give a path inside the work folder, relative to it"
    if not pattern.strip():
        return "is empty", "write a path or a glob, such as `data/*.csv`"
    if "\0" in pattern:
        return "holds a NUL character", inside
    if pattern.startswith("/") or _DRIVE.match(pattern):
        return "is an absolute path", inside
    if pattern == "~" or pattern.startswith("~/"):
        return "begins with `~`, which means nothing here", inside
    if ".." in pattern.split("/"):
        return "leads out of the work folder (`..`)", inside
    return None


def split(pattern: str) -> Tuple[bool, str]:
    """(whether it takes out, the path in normal form: no `.`, no empty parts; the work folder itself is `.`)."""
    takes_out = pattern.startswith("!")
    parts = [part for part in pattern[takes_out:].split("/") if part not in ("", ".")]
    return takes_out, "/".join(parts) or "."


def has_magic(text: str) -> bool:
    return _MAGIC.search(text) is not None


def literal_folder(path: str) -> str:
    """The folder that all matches of a normal path or glob lie in, as far as it is written out; "" for the work folder."""
    parts = path.split("/")
    for at, part in enumerate(parts):
        if has_magic(part):
            return "/".join(parts[:at])
    return "/".join(parts[:-1])


def part_pattern(part: str) -> Pattern[str]:
    """The expression that matches one part of a path."""
    out: List[str] = []
    at = 0
    while at < len(part):
        char = part[at]
        at += 1
        if char == "*":
            out.append("[^/]*")
        elif char == "?":
            out.append("[^/]")
        elif char == "[":
            end = part.find("]", at + (2 if part[at : at + 1] == "!" else 1))
            if end < 0:
                out.append(re.escape(char))
                continue
            inner = part[at:end].replace("\\", "\\\\").replace("[", "\\[").replace("^", "\\^")
            out.append("[%s]" % ("^" + inner[1:] if inner.startswith("!") else inner))
            at = end + 1
        else:
            out.append(re.escape(char))
    hidden = "(?!\\.)" if part[:1] in ("*", "?", "[") else ""
    try:
        return re.compile(hidden + "".join(out) + r"\Z", re.DOTALL)
    except re.error:
        return re.compile(re.escape(part) + r"\Z", re.DOTALL)


def matches(pattern: str, path: str) -> bool:
    """Whether a normal pattern covers a normal path: names it, or a folder that it is in."""
    return pattern == "." or _covers(pattern.split("/"), path.split("/"))


def _covers(pattern: List[str], path: List[str]) -> bool:
    if not pattern:
        return True
    if not path:
        return False
    head = pattern[0]
    if head == "**":
        if len(pattern) == 1:
            return not any(part.startswith(".") for part in path)
        if _covers(pattern[1:], path):
            return True
        return not path[0].startswith(".") and _covers(pattern, path[1:])
    if head == path[0] or (has_magic(head) and part_pattern(head).match(path[0]) is not None):
        return _covers(pattern[1:], path[1:])
    return False


def overlap(first: str, second: str) -> bool:
    """Whether two normal patterns surely mean a path in common: equal, or all that one matches the other covers.

    Two globs that merely could meet (`a*` and `*b`) do not count.
    """
    if first == second or first == "." or second == ".":
        return True
    return _includes(first, second) or _includes(second, first)


def _includes(outer: str, inner: str) -> bool:
    """Whether `outer` covers whatever `inner` matches: tried on a path that only `inner`'s own letters tell apart."""
    parts = []
    for part in inner.split("/"):
        if part == "**":
            parts += ["\x01\x02", "\x03"]
        else:
            parts.append(re.sub(r"\[[^\]]*\]|\?", "\x04", part).replace("*", "\x01\x02"))
    return matches(outer, "/".join(parts))
