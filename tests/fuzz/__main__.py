"""`python -m tests.fuzz checker --seconds 60 [--seed 1]`: fuzz a part of jobc, from the folder of the project."""

from __future__ import annotations

import sys

from tests.fuzz import fuzz_checker

PARTS = {"checker": fuzz_checker.main}

if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in PARTS:
        sys.exit(f"usage: python -m tests.fuzz {{{','.join(PARTS)}}} [--seconds N] [--seed N]")
    sys.exit(PARTS[sys.argv[1]](sys.argv[2:]))
