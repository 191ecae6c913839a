"""Shares of files for several processes, and what they send back."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobc import programs
from jobc.cli.lint import checking
from jobc.cli.lint.workers import WORTH, Worker, shares


@given(st.lists(st.integers(0, 10 * WORTH), max_size=30), st.integers(1, 8))
def test_every_file_is_in_one_share_and_no_share_is_more_than_a_file_ahead(
    sizes: list[int], cores: int
) -> None:
    dealt = shares(sizes, cores)
    assert sorted(i for share in dealt for i in share) == list(range(len(sizes)))
    assert 1 <= len(dealt) <= cores
    loads = [sum(sizes[i] for i in share) for share in dealt]
    assert max(loads) - min(loads) <= max(sizes, default=0)


def test_a_few_small_files_are_one_share() -> None:
    assert shares([100, 200, 300], 4) == [[2, 1, 0]]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked only where the system can")
def test_a_worker_gives_all_results_or_none() -> None:
    workers = [Worker([3, 1], lambda i: ["done", i]), Worker([1, 0], lambda i: 1 // i)]
    assert [worker.results() for worker in workers] == [[["done", 3], ["done", 1]], []]


def test_many_files_give_their_findings_in_order_whoever_checked_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "cores", lambda: 3)
    inputs = []
    for n in range(12):
        stage = f"${{{{ nothing_{n} }}}}" if n % 2 else "fine"
        text = f"jobs:\n  j{n}:\n    stages: [{{echo: '{stage}'}}]\n" + f"# {'x' * WORTH}\n"
        inputs.append(checking.Input(f"f{n}.job.yml", str(tmp_path), text.encode()))
    inputs.append(checking.Input("broken.job.yml", str(tmp_path), b"\xff\xfe\xff"))
    found = list(checking.check_all(inputs, None, scripts=False))
    assert [checked.input for checked in found] == inputs
    named = [[finding.diagnostic.span.text for finding in checked.findings] for checked in found[:12]]
    assert named == [[f"nothing_{n}"] if n % 2 else [] for n in range(12)]
    assert found[12].problem is not None
