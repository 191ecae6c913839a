"""Run the parts that the command line names (default: all of them); the options are those of `peers`."""

from __future__ import annotations

import argparse

from tests.benchmarks.engine import PARTS, peers, report


def _sizes(text: str) -> tuple[int, ...]:
    sizes = tuple(int(size) for size in text.split(",") if size.isdecimal() and int(size) > 0)
    if len(sizes) != text.count(",") + 1:
        raise argparse.ArgumentTypeError(f"`{text}` is no list of whole numbers; write 200,1000")
    return sizes


parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.engine")
parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}")
parser.add_argument(
    "--sizes",
    type=_sizes,
    default=peers.SIZES,
    metavar="N,…",
    help=f"jobs in a graph ({','.join(map(str, peers.SIZES))})",
)
parser.add_argument("--work", choices=peers.WORKS, help="one of the two works only")
parser.add_argument("--limit", type=float, default=peers.LIMIT, help=f"seconds for one run ({peers.LIMIT:g})")
parser.add_argument("--rounds", type=int, default=peers.ROUNDS, help=f"of small graphs ({peers.ROUNDS})")
parser.add_argument("--runners", metavar="NAME,…", help=f"of {', '.join(peers.CONTESTANTS)} (all)")
given = parser.parse_args()
names = () if given.runners is None else tuple(given.runners.split(","))
absent = sorted(set(names) - set(peers.CONTESTANTS))
if absent:
    parser.error(f"no runner {', '.join(absent)}; there are: {', '.join(peers.CONTESTANTS)}")
unknown = sorted(set(given.parts) - set(PARTS))
if unknown:
    parser.error(f"no part {', '.join(unknown)}; there are: {', '.join(PARTS)}")
for part in given.parts or PARTS:
    if part != "peers":
        report([part])
        continue
    works = peers.WORKS if given.work is None else (given.work,)
    peers.report(given.sizes, works, given.limit, given.rounds, names)
