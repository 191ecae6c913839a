"""How values reach a shell script: as variables, never as text of it (LANGUAGE §5).

Small values are environment variables. A `words` slot NAME is NAME_N (how many) and NAME_0, NAME_1, …, and a prelude
makes the array of them. What is too large for the environment lies in files beside those of `$JOBC_OUTPUT`, which the
prelude reads. The prelude is one line, put before the script's first, so that line numbers stay.
"""

from __future__ import annotations

import os
from typing import Any, Dict, List

from jobc.interpreter.values import EvaluationError, describe, to_text

#: The most that one value, and all values together, may take in the environment, in bytes.
VALUE_BOUND = 100 * 1024
TOTAL_BOUND = 512 * 1024
COUNT_BOUND = 2000


class SlotProblem(Exception):
    """A value that the script cannot receive."""


class Delivery:
    """`env` for the script's process, and the `prelude` for its first line."""

    def __init__(self, base: str, shell: str) -> None:
        self.env: Dict[str, str] = {}
        self._prelude: List[str] = []
        self._base = base
        #: The files that were made: what follows `base` in their paths.
        self.files: List[str] = []
        self._shell = shell
        self._total = 0

    @property
    def prelude(self) -> str:
        return "".join(self._prelude)

    def word(self, name: str, value: Any) -> None:
        self._variable(name, _bytes(value))

    def integer(self, name: str, value: Any) -> None:
        self._variable(name, b"%d" % _integer(value))

    def integers(self, name: str, value: Any) -> None:
        """Words of which each is a whole number, or empty."""
        items = list(value) if isinstance(value, (list, tuple)) else [value]
        self.words(name, [item if item == "" else _integer(item) for item in items if item is not None])

    def words(self, name: str, value: Any) -> None:
        if self._shell not in ("bash", "zsh"):
            raise SlotProblem(
                "a value stands unquoted in the script, which needs the arrays of bash;"
                " put it in double quotes, or use `shell: bash`"
            )
        items = [] if value is None else list(value) if isinstance(value, (list, tuple)) else [value]
        texts = [_bytes(item) for item in items]
        size = sum(map(len, texts))
        large = len(texts) > COUNT_BOUND or any(len(text) > VALUE_BOUND for text in texts)
        if large or self._total + size > TOTAL_BOUND:
            path = self._file(name, b"".join(text + b"\0" for text in texts))
            self._prelude.append(
                "%s=(); while IFS= read -r -d '' JOBC_V; do %s+=(\"$JOBC_V\"); done < %s; unset JOBC_V; "
                % (name, name, path)
            )
            return
        self._total += size
        self.env[name + "_N"] = str(len(texts))
        for position, text in enumerate(texts):
            self.env["%s_%d" % (name, position)] = os.fsdecode(text)
        indirect = "${(P)JOBC_V}" if self._shell == "zsh" else "${!JOBC_V}"
        self._prelude.append(
            '%s=(); for ((JOBC_I=0; JOBC_I<%s_N; JOBC_I++)); do JOBC_V="%s_$JOBC_I"; %s+=("%s"); done; '
            "unset JOBC_I JOBC_V; " % (name, name, name, name, indirect)
        )

    def _variable(self, name: str, text: bytes) -> None:
        if len(text) <= VALUE_BOUND and self._total + len(text) <= TOTAL_BOUND:
            self._total += len(text)
            self.env[name] = os.fsdecode(text)
            return
        path = self._file(name, text)
        if self._shell in ("bash", "zsh"):
            self._prelude.append("IFS= read -r -d '' %s < %s || true; " % (name, path))
        else:
            self._prelude.append("%s=$(cat %s; printf x); %s=${%s%%x}; " % (name, path, name, name))

    def _file(self, name: str, data: bytes) -> str:
        path = "%s.%s" % (self._base, name)
        self.files.append("." + name)
        with open(path, "wb") as file:
            file.write(data)
        from shlex import quote

        return quote(path)


def _integer(value: Any) -> int:
    if isinstance(value, str):
        digits = value.strip().lstrip("+-")
        if (
            digits.isascii()
            and digits.isdigit()
            and len(value.strip()) - len(digits) <= 1
            and len(digits) < 20
        ):
            value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise SlotProblem("arithmetic needs a whole number, but this is %s" % describe(value))
    if not -(2**63) <= value < 2**63:
        raise SlotProblem("the shell counts in 64 bits, and this number is larger")
    return value


def _bytes(value: Any) -> bytes:
    try:
        # Bytes of a command line or a file's name that are no UTF-8 go on as they came.
        data = to_text(value).encode("utf-8", "surrogateescape")
    except EvaluationError as error:
        raise SlotProblem(str(error)) from None
    except UnicodeEncodeError:
        raise SlotProblem("the text holds half of a surrogate pair, which is no character") from None
    if b"\0" in data:
        raise SlotProblem(
            "the text holds a NUL character, which no shell variable can; encode it, as with base64"
        )
    return data
