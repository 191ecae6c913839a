"""Which variables a shell script reads without a guard, and which it sets."""

from __future__ import annotations

import pytest

from jobc.sema.script_variables import variables


@pytest.mark.parametrize(
    ("text", "unset"),
    [
        ('echo "$a ${b} ${c%/}" $d', ["a", "b", "c", "d"]),
        ("a=1; echo $a", []),
        ("echo ${a:-x} ${b+y} ${c:?no} ${d=z} $d", []),
        ('[ -n "$a" ] && echo "$a"', []),
        ('if [[ -v a ]]; then echo "$a"; fi', []),
        ("for a in 1 2; do echo $a; done", []),
        ("read -r a b <<< x; echo $a $b", []),
        ("printf -v a x; echo $a", []),
        ("mapfile -t a < f; echo ${a[@]}", []),
        ("(( a = 1 )); echo $a", []),
        ("export a=1; declare -r b=2; local c; echo $a $b $c", []),
        ("echo '$a' \\$a $1 $? $@ $# $!", []),
        ("cat <<'E'\n$a\nE", []),
        ("cat <<E\n$a\nE", ["a"]),
        ("while read -r l; do echo $l $m; done", ["m"]),
    ],
)
def test_reads_that_nothing_sets(text: str, unset: list[str]) -> None:
    found = variables(text)
    assert not found.open
    assert [name for name, _, _ in found.reads if name not in found.sets] == unset


@pytest.mark.parametrize("text", ["source x; echo $a", ". ./x", 'eval "$x"', "$cmd; echo $a", "if then"])
def test_what_runs_unseen_text_may_set_anything(text: str) -> None:
    assert variables(text).open


def test_places_count_characters() -> None:
    (read,) = variables('echo "ä $name"').reads
    assert 'echo "ä $name"'[read[1] : read[2]] == "$name"
