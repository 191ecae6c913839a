"""Secrets are masked in every line, message and output.

A secret is looked for as it is, line by line where it has several, and as the encodings that
tools print it in: base64 at each of the three alignments (so also inside a longer text, or with the newline that
`echo` adds), base64 wrapped at 76 columns, URL-encoded, inside a JSON text, and quoted for a shell.
Values shorter than `SHORTEST` characters are not masked, for that would make every log unreadable;
`short` names them, and the run says so once.

Texts that an expression makes of a secret (`upper(secrets.KEY)`) are learnt when they leave the evaluator.
"""

from __future__ import annotations

import json
import re
import threading
from typing import Any, Dict, Iterator, List, Mapping, Optional, Pattern, Set

from jobc.interpreter.values import SecretText

SHORTEST = 4
MASK = "***"
#: Shorter pieces of an encoding than this would mask text that has nothing to do with the secret.
_SHORTEST_ENCODED = 6
_WRAP = 76
#: What bash puts a backslash before, in `printf %q`; `set -x` quotes with `'`, and `'\''` for it.
_BACKSLASHED = re.compile(r"""[][ \t'"\\|&;()<>!{}*?^$`,]|^[~#]|(?<=[:=])~""")


class Masker:
    """Replaces the values of `secrets` by `***`. `reach` is the length in bytes of the longest text it looks for."""

    __slots__ = ("_bytes", "_known", "_lock", "_needles", "_text", "reach", "short")

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._lock = threading.Lock()
        self._known: Set[str] = set()
        self._needles: Set[str] = set()
        self.reach = 0
        self._text: Optional[Pattern[str]] = None
        self._bytes: Optional[Pattern[bytes]] = None
        self.short = [name for name, value in secrets.items() if 0 < len(value) < SHORTEST]
        self._add([value for value in secrets.values() if value])

    def learn(self, value: Any) -> None:
        """Mask the secret texts (`SecretText`) in an evaluated value from now on."""
        if isinstance(value, SecretText):
            if value not in self._known and self.mask(value) == value:
                self._add([str(value)])
        elif isinstance(value, (list, tuple)):
            for item in value:
                self.learn(item)
        elif isinstance(value, dict):
            for item in value.values():
                self.learn(item)

    def _add(self, values: List[str]) -> None:
        with self._lock:
            for value in values:
                self._known.add(value)
                if len(value) >= SHORTEST:
                    self._needles.update(_forms(value))
            ordered = sorted(self._needles, key=lambda needle: (-len(needle), needle))
            if not ordered:
                return
            encoded = [needle.encode("utf-8", "surrogatepass") for needle in ordered]
            self.reach = max(len(needle) for needle in encoded)
            self._text = re.compile("|".join(re.escape(needle) for needle in ordered))
            self._bytes = re.compile(b"|".join(re.escape(needle) for needle in encoded))

    def mask(self, text: str) -> str:
        return self._text.sub(MASK, text) if self._text is not None else text

    def occurs(self, data: bytes) -> bool:
        """Whether a secret, or an encoding of one, stands in the bytes."""
        return self._bytes is not None and self._bytes.search(data) is not None

    def mask_value(self, value: Any) -> Any:
        """Plain data with every text in it masked, map keys too."""
        if self._text is None:
            return value
        if isinstance(value, str):
            return self.mask(value)
        if isinstance(value, list):
            return [self.mask_value(item) for item in value]
        if isinstance(value, dict):
            return {self.mask(key): self.mask_value(item) for key, item in value.items()}
        return value

    def mask_map(self, value: Dict[str, Any]) -> Dict[str, Any]:
        masked: Dict[str, Any] = self.mask_value(value)
        return masked

    def safe_cut(self, data: bytes, start: int, cut: int) -> int:
        """A place at or before `cut`, or after it, but after `start`, where cutting divides no secret."""
        if self._bytes is None:
            return cut
        for match in self._bytes.finditer(data, max(start, cut - self.reach), cut + self.reach):
            if match.start() < cut < match.end():
                return match.start() if match.start() > start else match.end()
        return cut


def _forms(value: str) -> Iterator[str]:
    import shlex
    from urllib.parse import quote, quote_plus

    parts = [value, *(line.strip() for line in value.splitlines())] if "\n" in value else [value]
    for part in parts:
        if len(part) < SHORTEST:
            continue
        yield part
        raw = part.encode("utf-8", "surrogatepass")
        for encoded in _base64_forms(raw):
            if len(encoded) >= _SHORTEST_ENCODED:
                yield encoded
                yield encoded.replace("+", "-").replace("/", "_")
        for escaped in (quote(raw, safe=""), quote(raw), quote_plus(raw)):
            yield escaped
            yield re.sub("%[0-9A-F]{2}", lambda found: found.group().lower(), escaped)
        yield json.dumps(part)[1:-1]
        yield json.dumps(part, ensure_ascii=False)[1:-1]
        yield repr(part)[1:-1]
        yield shlex.quote(part)
        yield part.replace("'", "'\\''")
        yield _BACKSLASHED.sub(r"\\\g<0>", part)


def _base64_forms(raw: bytes) -> Iterator[str]:
    import base64

    whole = base64.b64encode(raw).decode("ascii")
    yield whole
    if len(whole) > _WRAP:
        for at in range(0, len(whole), _WRAP):
            yield whole[at : at + _WRAP].rstrip("=")
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + raw).decode("ascii").rstrip("=")
        first = (offset * 8 + 5) // 6
        last = (offset + len(raw)) * 8 // 6
        yield encoded[first:last]
