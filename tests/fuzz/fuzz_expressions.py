"""Fuzz the expression phases for a while: `python tests/fuzz/fuzz_expressions.py --seconds 60`.

Runs the property tests of expressions again and again with fresh random examples; the first failure is
printed as hypothesis prints it, and ends the run with 1.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import time
import traceback
from pathlib import Path
from types import ModuleType

from hypothesis import HealthCheck, settings

TESTS = Path(__file__).parents[1]
MODULES = (
    "syntax/test_expressions_properties.py",
    "sema/test_infer_properties.py",
    "sema/test_fold.py",
    "interpreter/test_evaluator_properties.py",
)


def module(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(Path(path).stem, TESTS / path)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def main() -> int:
    parser = argparse.ArgumentParser(description="fuzz the expression phases")
    parser.add_argument("--seconds", type=float, default=60.0)
    deadline = time.monotonic() + parser.parse_args().seconds
    settings.register_profile(
        "fuzz", max_examples=500, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    settings.load_profile("fuzz")
    properties = [
        function
        for path in MODULES
        for name, function in vars(module(path)).items()
        if name.startswith("test_") and hasattr(function, "hypothesis")
    ]
    rounds = 0
    while time.monotonic() < deadline:
        for function in properties:
            try:
                function()
            except Exception:  # noqa: BLE001 - whatever a property raises is the finding
                traceback.print_exc()
                return 1
            if time.monotonic() >= deadline:
                break
        rounds += 1
    print(f"{len(properties)} properties, {rounds} rounds, nothing found")
    return 0


if __name__ == "__main__":
    sys.exit(main())
