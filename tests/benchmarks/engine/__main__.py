"""Run the parts that the command line names (default: all of them)."""

from __future__ import annotations

import sys

from tests.benchmarks.engine import PARTS, report

unknown = sorted(set(sys.argv[1:]) - set(PARTS))
if unknown:
    sys.exit(f"no part {', '.join(unknown)}; there are: {', '.join(PARTS)}")
report(sys.argv[1:])
