"""Tokens: made here, shown once, kept as hashes in a file that only its owner reads.

A token is 256 random bits, so its SHA-256 is as good as a slow hash would be. The file has a line a token, `sha256:HEX`, and
`until=SECONDS` behind it for one that was rotated out and may be used a while longer. A line that is no hash is a token as it
stands, for files that a container or an orchestrator puts there.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
import time

from jobc.errors import StateError, UsageError

PREFIX = "jobc_"
_HASH = "sha256:"
#: The shortest token that may stand in a file as it is.
SHORTEST = 24


def new_token() -> str:
    return PREFIX + secrets.token_urlsafe(32)


def digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def write_new(path: str, *, rotate: bool, overlap: float = 0.0) -> str:
    """Make a token and keep its hash at `path`; the token. `overlap`: seconds that those before stay good.

    Raises UsageError where there is one and it is not to be rotated, StateError where the file cannot be written.
    """
    known = _lines(path) if os.path.exists(path) else []
    if known and not rotate:
        raise UsageError(
            f"{path} has a token already, and only its hash is kept",
            help="use the token that was printed then, or make another with --rotate",
        )
    token = new_token()
    until = time.time() + overlap
    lines = [f"{_HASH}{digest(token)}"]
    for hash, end in known if overlap > 0 else ():
        lines.append(f"{_HASH}{hash} until={int(until if end is None else min(end, until))}")
    try:
        os.makedirs(os.path.dirname(path) or ".", mode=0o700, exist_ok=True)
        beside = f"{path}.{os.getpid()}"
        file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(file, "w", encoding="ascii") as out:
            out.write("\n".join(lines) + "\n")
            out.flush()
            os.fsync(out.fileno())
        os.replace(beside, path)
    except OSError as error:
        raise StateError(
            f"the token file {path} cannot be written: {error.strerror}",
            help="name another with --state or --token-file, or make its folder writable",
        ) from error
    return token


class Tokens:
    """The tokens of a file, read again when it changes."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._seen: tuple[int, int, int] = (0, 0, 0)
        self._hashes: list[tuple[str, float | None]] = []
        self.look()

    def look(self) -> None:
        """Read the file if it is another than before. Raises UsageError where it cannot be used."""
        try:
            found = os.stat(self._path)
        except FileNotFoundError:
            raise UsageError(
                f"there is no token file {self._path}", help="make one: jobc runner token"
            ) from None
        except OSError as error:
            raise UsageError(f"the token file {self._path} cannot be read: {error.strerror}") from None
        seen = (found.st_mtime_ns, found.st_ino, found.st_size)
        if seen == self._seen:
            return
        if stat.S_IMODE(found.st_mode) & 0o077:
            raise UsageError(
                f"the token file {self._path} may be read by others (mode {stat.S_IMODE(found.st_mode):o})",
                help=f"chmod 600 {self._path}",
            )
        hashes = _lines(self._path)
        if not hashes:
            raise UsageError(f"the token file {self._path} has no token", help="make one: jobc runner token")
        self._hashes, self._seen = hashes, seen

    def accepts(self, token: str) -> bool:
        """Whether a token is good. Takes as long for one as for another."""
        given, now, good = digest(token), time.time(), False
        for hash, until in self._hashes:
            same = hmac.compare_digest(given, hash)
            good |= same and (until is None or now < until)
        return good


def _lines(path: str) -> list[tuple[str, float | None]]:
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the token file {path} cannot be read: {error}") from None
    found: list[tuple[str, float | None]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        until = None
        if len(words) == 2 and words[1].startswith("until="):
            try:
                until = float(words[1].removeprefix("until="))
            except ValueError:
                words.append("")
        if len(words) > 2 or (len(words) == 2 and until is None):
            raise UsageError(
                f"{path}:{number}: this is no token", help="a line holds one token, or sha256:HEX"
            )
        hash = words[0].removeprefix(_HASH)
        if words[0].startswith(_HASH):
            if len(hash) != 64 or any(letter not in "0123456789abcdef" for letter in hash):
                raise UsageError(
                    f"{path}:{number}: this is no SHA-256", help="make a token: jobc runner token"
                )
        elif len(hash) < SHORTEST:
            raise UsageError(
                f"{path}:{number}: the token is shorter than {SHORTEST} characters and could be guessed",
                help="make one: jobc runner token",
            )
        else:
            hash = digest(hash)
        found.append((hash, until))
    return found
