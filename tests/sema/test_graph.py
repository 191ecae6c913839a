"""The needs graph: an order that is the same everywhere, and every elementary cycle."""

from __future__ import annotations

from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from jobc.sema.graph import elementary_cycles, topological
from jobc.source.file import SourceFile
from jobc.syntax.ast import Job, Need

FILE = SourceFile("a.job.yml", "")


def jobs(needs: dict[str, list[str]]) -> dict[str, Job]:
    made = {}
    for id, names in needs.items():
        job = Job(id, FILE.span(0, 0), FILE.span(0, 0), None)
        job.needs = [Need(name, FILE.span(0, 0)) for name in names]
        made[id] = job
    return made


def cycles(needs: dict[str, list[str]]) -> list[list[str]]:
    return [[job.id for job, _ in cycle] for cycle in elementary_cycles(jobs(needs))]


def graphs(size: int = 6) -> st.SearchStrategy[dict[str, list[str]]]:
    ids = [f"j{i}" for i in range(size)]
    return st.fixed_dictionaries({id: st.lists(st.sampled_from(ids), unique=True) for id in ids})


def test_needs_come_first_and_ties_keep_the_order_of_the_file() -> None:
    order = topological(jobs({"z": [], "b": ["a"], "a": [], "c": ["a", "z"]}))
    assert [job.id for job in order] == ["z", "a", "b", "c"]


def test_jobs_on_a_cycle_and_behind_it_have_no_place() -> None:
    order = topological(jobs({"a": ["b"], "b": ["a"], "after": ["a"], "free": []}))
    assert [job.id for job in order] == ["free"]


def test_a_need_that_names_no_job_holds_nothing_up() -> None:
    assert [job.id for job in topological(jobs({"a": ["nowhere"]}))] == ["a"]


def test_a_job_that_needs_itself_is_a_cycle_of_one() -> None:
    assert cycles({"a": ["a"]}) == [["a"]]


def test_two_cycles_through_one_job_are_both_found() -> None:
    assert cycles({"a": ["b", "c"], "b": ["a"], "c": ["a"]}) == [["a", "b"], ["a", "c"]]


def test_edges_lead_from_a_job_to_the_need_that_it_names() -> None:
    (cycle,) = elementary_cycles(jobs({"a": ["b"], "b": ["c"], "c": ["a"]}))
    assert [(job.id, need.id) for job, need in cycle] == [("a", "b"), ("b", "c"), ("c", "a")]


def test_a_tangle_with_astronomically_many_cycles_ends_at_the_limit() -> None:
    ids = [f"j{i}" for i in range(40)]
    assert len(elementary_cycles(jobs(dict.fromkeys(ids, ids)), limit=50)) == 50


def test_a_ring_of_many_jobs_is_one_cycle() -> None:
    count = 5000
    (ring,) = cycles({f"j{i}": [f"j{(i + 1) % count}"] for i in range(count)})
    assert len(ring) == count


@settings(max_examples=150, deadline=None)
@given(graphs())
def test_every_elementary_cycle_is_found_once(needs: dict[str, list[str]]) -> None:
    ids = list(needs)
    expected = set()
    for length in range(1, len(ids) + 1):
        for path in permutations(ids, length):
            closed = all(path[(i + 1) % length] in needs[path[i]] for i in range(length))
            if closed and path[0] == min(path, key=ids.index):
                expected.add(path)
    found = [tuple(cycle) for cycle in cycles(needs)]
    assert len(found) == len(set(found))
    assert set(found) == expected


@settings(max_examples=150, deadline=None)
@given(graphs())
def test_the_order_puts_needs_first_and_leaves_out_only_what_a_cycle_holds_up(
    needs: dict[str, list[str]],
) -> None:
    order = [job.id for job in topological(jobs(needs))]
    for place, id in enumerate(order):
        assert set(needs[id]) <= set(order[:place])
    for id in set(needs) - set(order):
        assert set(needs[id]) - set(order), f"{id} has all its needs but no place"
