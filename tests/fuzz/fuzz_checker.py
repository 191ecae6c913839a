"""Fuzz the whole checker: bytes → parse → analyse → check → fix → lower (`tests.fuzz.oracle`).

With atheris installed (`pip install atheris`; its wheels need no compiler) coverage says which inputs are kept as new
starting points; else those are kept that show a new set of rules. The changes are the same (`tests.fuzz.mutation`).
Failures are gathered, one for each place that they come from, written to the folder `--failures`, and end the run with 1.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import os
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

from tests.fuzz.mutation import mutated


class Campaign:
    """What was tried and found so far."""

    def __init__(self, failures: Path) -> None:
        self._folder = failures
        self._started = time.monotonic()
        self._places: set[str] = set()
        self.inputs = 0
        self.came: Counter[str] = Counter()

    def examine(self, data: bytes) -> None:
        from tests.fuzz.oracle import TooLong, examine

        self.inputs += 1
        try:
            self.came[examine(data)] += 1
        except (Exception, TooLong) as error:  # noqa: BLE001 - whatever is raised is the finding
            self._keep(data, error)

    def _keep(self, data: bytes, error: BaseException) -> None:
        frames = traceback.extract_tb(error.__traceback__)
        last = next((frame for frame in reversed(frames) if "/jobc/" in frame.filename), frames[-1])
        place = f"{type(error).__name__} {frames[-1].lineno} {last.filename}:{last.lineno}"
        if type(error).__name__ == "TooLong":
            place = "TooLong"
        if isinstance(error, AssertionError):
            place += str(getattr(error.args[0] if error.args else None, "rule", ""))
        if place in self._places:
            return
        self._places.add(place)
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{hashlib.sha256(data).hexdigest()[:12]}.yml"
        path.write_bytes(data)
        print(f"\n{path}: {place}", file=sys.stderr)
        traceback.print_exception(error, limit=-6)

    @property
    def failed(self) -> bool:
        return bool(self._places)

    def report(self) -> None:
        spent = time.monotonic() - self._started
        came = ", ".join(f"{count:,} {name}" for name, count in self.came.most_common())
        outcome = f"{len(self._places)} failures" if self._places else "no failure"
        cpu = time.process_time()
        print(f"{self.inputs:,} inputs in {spent:.0f} s ({cpu:.0f} s of processor time): {outcome}; {came}")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="tests.fuzz checker", description="fuzz the whole checker")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--failures", type=Path, default=Path(tempfile.gettempdir()) / "jobc-fuzz")
    parser.add_argument("--blind", action="store_true", help="do not use atheris")
    given = parser.parse_args(arguments)
    campaign = Campaign(given.failures)
    if not given.blind and importlib.util.find_spec("atheris") is not None:
        _guided(campaign, given.seconds, given.seed)
    else:
        _blind(campaign, given.seconds, given.seed)
    campaign.report()
    return int(campaign.failed)


def _blind(campaign: Campaign, seconds: float, seed: int) -> None:
    from tests.fuzz.seeds import LONGEST, seeds, words

    random_ = random.Random(seed)
    corpus = list(seeds())
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        data = mutated(random_.choice(corpus), seeds(), words(), random_)
        campaign.examine(data)
        if len(data) < LONGEST and random_.random() < 0.02 and len(corpus) < 2000:
            corpus.append(data)


def _guided(campaign: Campaign, seconds: float, seed: int) -> None:
    """libFuzzer's loop. It never returns: the process ends in it."""
    import atheris

    from tests.fuzz.seeds import LONGEST, seeds, words

    # Much of jobc is imported where it is first needed: every seed is examined once, so that all of it is instrumented.
    with atheris.instrument_imports(include=["jobc"]):
        for data in seeds():
            campaign.examine(data)

    folder = tempfile.TemporaryDirectory(prefix="jobc-fuzz-seeds-")
    for number, data in enumerate(seeds()):
        (Path(folder.name) / f"{number}.yml").write_bytes(data)

    def change(data: bytes, most: int, number: int) -> bytes:
        random_ = random.Random(number)
        if random_.random() < 0.1:
            return bytes(atheris.Mutate(data, most))
        return mutated(data, seeds(), words(), random_)[:most]

    deadline = time.monotonic() + seconds

    def one(data: bytes) -> None:
        campaign.examine(data)
        if time.monotonic() >= deadline:
            campaign.report()
            folder.cleanup()
            sys.stdout.flush()
            os._exit(campaign.failed)

    options = [f"-seed={seed + 1}", f"-max_len={LONGEST}", "-timeout=120", "-verbosity=0"]
    atheris.Setup([sys.argv[0], *options, folder.name], one, custom_mutator=change)
    atheris.Fuzz()
