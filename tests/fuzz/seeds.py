"""What fuzzing starts from: the jobs files of `fixtures/`, and the words that they are made of."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

FIXTURES = Path(__file__).parents[2] / "fixtures"

#: Longer ones would be tried less often, and find little that short ones do not.
LONGEST = 6000


@cache
def seeds() -> tuple[bytes, ...]:
    """The contents of the fixtures' jobs files, short ones first."""
    paths = [*FIXTURES.glob("rules/*/*.yml"), *FIXTURES.glob("workflows/*/*.yml")]
    found = {path.read_bytes() for path in paths}
    return tuple(sorted((data for data in found if len(data) <= LONGEST), key=lambda data: (len(data), data)))


@cache
def beside() -> dict[str, bytes]:
    """The files that fixtures include, by their names."""
    paths = sorted(FIXTURES.glob("rules/*/*.yml"))
    return {path.name: path.read_bytes() for path in paths if path.name not in ("bad.yml", "ok.yml")}


@cache
def words() -> tuple[str, ...]:
    """Keys, functions and contexts of the language, what the seeds say, and marks of YAML, shell and expressions."""
    from jobc.sema.signatures import FUNCTIONS

    text = b"\n".join(seeds()).decode("utf-8", "replace")
    found = set(re.findall(r"[A-Za-z_][\w.-]*", text)) | set(FUNCTIONS)
    return (*MARKS, *sorted(word for word in found if len(word) < 40))


MARKS = (
    *("${{ ", " }}", "$<< ", " >>", "$${{", "&&", "||", "??", "==", "!=", "? a : b", " | raw", " | quote"),
    *("params.x", "needs.a.outputs.b", "matrix.k", "item", "secrets.S", "env.E", "stages.s.outputs.o"),
    *("fromJson('[1]')", "[0]", "['k']", "null", "true", "-1", "1e400", "99999999999999999999", "'", '"'),
    *(": ", "- ", "|\n", "|2-\n", ">\n", "# jobc: allow[JC501]", "&x ", "*x", "<<: *x", "---\n", "{}", "[]"),
    *("$X", "${X}", "$(x)", "`x`", "$((x))", "<<END\n", "<<'E'\n", "\\\n", ">> $JOBC_OUTPUT", "eval ", ";"),
    *("é", "😀", "\t", "\r\n", "\r", "\u2028", "\ufeff", "\x00", "\x85"),
)
