"""The nearest name is proposed for the first findings of a large file, and left out once looking for it would take too long."""

from __future__ import annotations

import pytest

from jobc.check.runner import check
from jobc.sema.analyze import analyze
from jobc.source.file import SourceFile

COUNT = 300


def lines(line: str) -> str:
    return "".join(line.format(i) + "\n" for i in range(COUNT))


PYTHON = "jobs:\n  a:\n    stages:\n      - run: |\n" + lines(
    "          value_{0} = 1\n          print(vlaue_{0})"
)
BASH = (
    "jobs:\n  a:\n    env:\n"
    + lines("      value_{0}: x")
    + "    stages:\n      - shell: sh\n        bash: |\n"
) + lines('          echo "$vlaue_{0}"')
TRIGGER = (
    "jobs:\n  a:\n    stages:\n      - trigger: b\n        params:\n"
    + lines("          vlaue_{0}: 1")
    + "---\nname: b\nparams:\n"
    + lines("  value_{0}: int")
    + "jobs: {a: {stages: [{echo: hi}]}}\n"
)


@pytest.mark.parametrize(
    ("text", "rule"), [(PYTHON, "python-script"), (BASH, "unset-variable"), (TRIGGER, "call-mismatch")]
)
def test_the_first_findings_propose_a_name_and_the_last_do_not(text: str, rule: str) -> None:
    findings = check(analyze(SourceFile("a.job.yml", text)))
    found = [f.diagnostic for f in findings if f.diagnostic.rule == rule]
    assert len(found) == COUNT
    assert found[0].help == "did you mean `value_0`?"
    assert found[-1].help
    assert "did you mean" not in found[-1].help
