"""`python -m tests.faults --kills N [--seed S]`: the long version of the fault tests, with its figures."""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from functools import partial
from pathlib import Path

from tests.faults import engine, flows, killing


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="how often engines are killed at random (200)")
    parser.add_argument("--seed", type=int, default=None, help="of the random instants (default: by chance)")
    parser.add_argument("--no-commits", action="store_true", help="leave out the kill at each commit")
    args = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if args.seed is None else args.seed
    print(f"seed {seed}", flush=True)
    engine.warm_up()
    with tempfile.TemporaryDirectory(prefix="jobc-faults-") as name:
        started = time.monotonic()
        tally = killing.at_random(
            Path(name) / "random", flows.large(), args.kills, seed, partial(print, flush=True)
        )
        print(
            f"{tally.kills} kills at random instants of {tally.runs} runs of 60 jobs (at most {tally.most} of one run)"
            f" in {time.monotonic() - started:.0f} s: {tally.effects} effects, {tally.repeated} of them had again by"
            " stages under way at a kill, none of a stage that had ended; results equal to the undisturbed run's"
        )
        if args.no_commits:
            return
        for before in (True, False):
            started = time.monotonic()
            count = killing.at_every_commit(Path(name) / f"commits-{before}", flows.small(), before=before)
            when = "before" if before else "after"
            print(
                f"a kill {when} each of {count} commits of a run of 7 jobs, in {time.monotonic() - started:.0f} s: good"
            )


if __name__ == "__main__":
    main()
