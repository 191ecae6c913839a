"""Fuzz reading and composing: `python tests/fuzz/fuzz_source.py --seconds 10`.

Whatever the bytes, `decode` gives a text or a UsageError, and `compose` and `split` never raise;
spans lie inside the file, and an offset map reads its scalar back exactly. With atheris installed
the mutations are guided by coverage, else they are random ones of a small corpus.
"""

from __future__ import annotations

import argparse
import random
import sys
import time

from jobc.errors import UsageError
from jobc.source.compose import compose
from jobc.source.decode import decode
from jobc.source.nodes import Mapping, Node, Scalar, Sequence
from jobc.source.offsets import decoded, offset_map
from jobc.source.templates import split

CORPUS = (
    b"name: x\non: [push]\njobs:\n  a:\n    needs: [b, c]\n    condition: ${{ params.x == 'y' }}\n"
    b"    stages:\n      - bash: |\n          echo ${{ x }}\n\n      - echo: >-\n          a\n           b\n          c\n",
    b"a: &x {b: 'it''s', c: \"\\t\\x41\\u00e9\"}\r\nd:\r\n  <<: *x\r\n  e: [*x, !!str 1]\r\n---\r\nf: |2+\r\n    g\r\n\r\n",
    "a: 😀 é\nb: \"$<< x ? '>>' : y >>\"\nc: [u:v, {w: 'x'}]\n? k\n: v\n".encode(),
)
PIECES = (b"\t", b"'", b'"', b"[", b"]", b"{", b"}", b": ", b"- ", b"#", b"&a", b"*a", b"!", b"|", b">", b"%", b"@",
          b"\\", b"\n", b"\r\n", b"\r", b"  ", b"${{", b"}}", b"$<<", b"<<", b"---\n", b"...\n", b"\xe2\x80\xa8", b"\xff",
          b"\x00", b"\xc2\x85", b"\xef\xbb\xbf", b"\xf0\x9f\x98\x80", b"|2", b">+\n", b"? ", b"!!int ")  # fmt: skip


def check(data: bytes) -> None:
    try:
        file = decode(data, "fuzz.yml")
    except UsageError:
        return
    composed = compose(file, limit=10_000)
    size = len(file.text)
    for problem in composed.problems:
        assert 0 <= problem.span.start <= problem.span.end <= size, problem
        assert problem.help, problem
    waiting: list[Node] = [node for node in composed.documents if node is not None]
    seen: set[int] = set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        assert 0 <= node.start <= node.end <= size, node
        if isinstance(node, Mapping):
            waiting += [part for entry in node.entries for part in (entry.key, entry.value)]
        elif isinstance(node, Sequence):
            waiting += node.items
        else:
            check_scalar(node, not composed.problems)


def check_scalar(scalar: Scalar, valid: bool) -> None:
    split(scalar)
    places = offset_map(scalar)
    last = 0
    for index in range(len(scalar.text) + 1):
        assert last <= places.at(index) <= len(scalar.file.text), scalar
        last = places.at(index)
    if valid:
        assert decoded(scalar) == scalar.text, scalar


def mutate(data: bytes, random_: random.Random) -> bytes:
    for _ in range(random_.randint(1, 6)):
        place = random_.randrange(len(data) + 1)
        kind = random_.randrange(4)
        if kind == 0:
            data = data[:place] + random_.choice(PIECES) + data[place:]
        elif kind == 1:
            data = data[:place] + data[place + random_.randint(1, 8) :]
        elif kind == 2:
            data = data[:place] + bytes([random_.randrange(256)]) + data[place + 1 :]
        else:
            other = random_.choice(CORPUS)
            start = random_.randrange(len(other))
            data = data[:place] + other[start : start + random_.randint(1, 40)] + data[place:]
    return data


def run(seconds: float, seed: int) -> int:
    random_ = random.Random(seed)
    corpus = list(CORPUS)
    deadline = time.monotonic() + seconds
    count = 0
    while time.monotonic() < deadline:
        data = mutate(random_.choice(corpus), random_)
        try:
            check(data)
        except Exception:
            print(f"after {count} inputs, seed {seed}: {data!r}", file=sys.stderr)
            raise
        if len(corpus) < 500 and random_.random() < 0.05 and len(data) < 2000:
            corpus.append(data)
        count += 1
    print(f"{count} inputs, no failure")
    return count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    try:
        import atheris
    except ImportError:
        run(arguments.seconds, arguments.seed)
        return
    atheris.instrument_all()
    atheris.Setup([sys.argv[0], f"-max_total_time={int(arguments.seconds)}"], check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
