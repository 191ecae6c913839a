"""Run the benchmarks that the command line names (default: all of them)."""

from __future__ import annotations

import sys
from importlib import import_module

SUITES = ("startup", "bundle", "frontend", "rules", "scale", "tree", "engine", "api", "mistakes", "docker")


def main(names: list[str]) -> int:
    unknown = sorted(set(names) - set(SUITES))
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are: {', '.join(SUITES)}", file=sys.stderr)
        return 2
    for name in names or SUITES:
        import_module(f"tests.benchmarks.{name}").report()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
