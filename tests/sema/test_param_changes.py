"""A Python stage may change `params` for the rest of its job: nothing is held against what reads them there."""

from __future__ import annotations

import pytest

from jobc.check.runner import check
from jobc.diagnostics.diagnostic import INFO
from jobc.sema.analyze import analyze
from jobc.source.file import SourceFile

HEAD = """\
params:
  count: {type: int, default: 1}
  target: {type: choice, enum: [dev, prod], default: dev}
jobs:
  first:
"""
READER = """\
    stages:
      - run: |
          SCRIPT
      - id: after
        run: x = ${{ params.count }}
      - echo: "${{ params.extra }} ${{ len(params.extra) }}"
      - condition: params.target == 'prod'
        echo: now it is
    outputs: {count: "${{ params.count }}"}
  second:
    needs: first
    condition: needs.first.outputs.count == 'many'
    stages: [{echo: many}]
"""


def rules(text: str) -> set[str]:
    found = check(analyze(SourceFile("x.job.yml", text)))
    return {f.diagnostic.rule for f in found if f.severity != INFO}


CHANGES = [
    "params.count = 'many'",
    "params['extra'] = [1]",
    "params.update(extra=[1])",
    "params |= {'extra': [1]}",
    "del params.count",
    "for params.extra in [1]: pass",
    "from shared import helper; helper(params)",
    "other = params",
    "globals()['params'].x = 1",
    "params.count += 1",
]


@pytest.mark.parametrize("script", CHANGES)
def test_what_a_script_may_have_changed_is_unknown_afterwards(script: str) -> None:
    assert rules(HEAD + "    condition: params.target == 'dev'\n" + READER.replace("SCRIPT", script)) == set()


@pytest.mark.parametrize(
    "script",
    [
        "y = params.count",
        "print(params)",
        "params = {}",
        "y = params.get('count') + params['count']",
        "y = len(params)",
        "y = '${{ params.count }}'",
        "y = f'{params}'",
        "for k, v in params.items(): print(k, v)",
    ],
)
def test_a_script_that_reads_changes_nothing(script: str) -> None:
    text = HEAD + "    condition: params.target == 'dev'\n" + READER.replace("SCRIPT", script)
    assert {"undefined-name", "incomparable-types", "dead-stage"} <= rules(text)


@pytest.mark.parametrize(
    "stages",
    [
        "[{parallel: {a: [{run: params.extra = 1}], b: [{echo: '${{ params.extra }}'}]}}]",
        "[{foreach: [1, 2], stages: [{echo: '${{ params.extra }}'}, {run: params.extra = 1}]}]",
        "[{until: params.extra == 2, stages: [{run: params.extra = 2}]}]",
        "[{run: 'params.extra = ${{ params.extra ?? 0 }} + 1', retry: 2}]",
    ],
)
def test_beside_and_before_it_in_a_loop_they_are_unknown_too(stages: str) -> None:
    assert "undefined-name" not in rules(HEAD + f"    stages: {stages}\n")


def test_other_jobs_have_their_own() -> None:
    text = (
        HEAD + "    stages: [{run: params.extra = 1}]\n  other: {stages: [{echo: '${{ params.extra }}'}]}\n"
    )
    assert rules(text) == {"undefined-name"}
