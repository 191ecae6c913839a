"""The short version of `python -m tests.faults`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# The engines are forked from a process with one thread, which a test runner's worker is not.
_RANDOM = """
from pathlib import Path
from tests.faults import engine, flows, killing
engine.warm_up()
tally = killing.at_random(Path({folder!r}), flows.{flow}(), {kills}, {seed}, print)
assert tally.kills == {kills}
"""
_COMMITS = """
from pathlib import Path
from tests.faults import engine, flows, killing
engine.warm_up()
print(killing.at_every_commit(Path({folder!r}), flows.tiny(), before={before}))
"""


def run(code: str) -> str:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("JOBC_")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_run_of_60_jobs_that_is_killed_again_and_again_ends_as_if_it_had_not_been(tmp_path):
    run(_RANDOM.format(folder=str(tmp_path), flow="large", kills=10, seed=20))


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_a_run_may_be_killed_at_any_commit(tmp_path, before):
    commits = int(run(_COMMITS.format(folder=str(tmp_path), before=before)))
    assert commits >= 12


def test_the_audit_sees_an_effect_that_was_had_twice(tmp_path):
    """What the other tests rely on."""
    from tests.faults import audit

    (tmp_path / "effects.txt").write_text("top/a/0|0|1|0\ntop/a/0|0|1|1\n")
    watched = audit.Audit(tmp_path)
    watched.deaths = [{("top/a/0|0", 1)}]
    with pytest.raises(AssertionError, match="had ended when engine 0 died"):
        watched.check(tmp_path)
