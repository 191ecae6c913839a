"""The checker on mutated jobs files, and on those that fuzzing once broke it with."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.mutation import mutated
from tests.fuzz.oracle import examine
from tests.fuzz.seeds import seeds, words

#: Each made the checker raise, or say something at a place that is none, or propose a fix that breaks the file.
FOUND = {
    "a line end in a need": "jobs:\n  a:\n    needs: |-\n      b\n      c\n    stages: [{echo: hi}]\n",
    "a line end in a path": "include: |-\n  a\n  b\njobs:\n  a:\n    stages: [{echo: hi}]\n",
    "a terminal's escape in a name": 'jobs:\n  a:\n    needs: "\\e[31mb"\n    stages: [{echo: hi}]\n',
    "a lone need that only a block may hold": (
        "jobs:\n  a:\n    stages: [{echo: hi}]\n  b:\n    needs: x]\n    stages: [{echo: '${{ needs.a.result }}'}]\n"
    ),
    "a text of a line separator before a misplaced key": "a: b\nname: \u2028  \n  desc: All\njobs:\n  a: {}\n",
    "Python that ends too early with the file": "jobs:\n  a:\n    stages:\n      - run: |\n          import",
    "blanks around one expression": 'jobs:\n  a:\n    stages: [{id: x, run: "y = [1]"}, {echo: " ${{ stages.x.outputs.y }}"}]\n',
    "a job called jobs below a misspelt one": "jobc: x\njobs:\n  stages: [{echo: hi}]\n",
}


@pytest.mark.parametrize("text", FOUND.values(), ids=FOUND.keys())
def test_what_once_broke_it_does_not_any_more(text: str) -> None:
    examine(text.encode())


@settings(max_examples=60)
@given(st.sampled_from(seeds()), st.integers(0, 2**32))
def test_mutated_files_are_checked_and_fixed_without_harm(data: bytes, seed: int) -> None:
    examine(mutated(data, seeds(), words(), random.Random(seed)))


@settings(max_examples=40)
@given(st.binary(max_size=200))
def test_any_bytes_are_checked(data: bytes) -> None:
    examine(data)
