"""Decision diagrams against truth tables."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobc.sema.diagram import FALSE, TRUE, Diagram, Exhausted

LEVELS = 5

formulas = st.recursive(
    st.integers(0, LEVELS - 1) | st.booleans().map(lambda value: ("constant", value)),
    lambda inner: st.tuples(
        st.sampled_from(["and", "or", "not", "all", "any"]), st.lists(inner, min_size=1, max_size=4)
    ),
    max_leaves=14,
)


def build(diagram, formula):
    if isinstance(formula, int):
        return diagram.literal(formula)
    op, parts = formula
    if op == "constant":
        return TRUE if parts else FALSE
    refs = [build(diagram, part) for part in parts]
    if op == "not":
        return refs[0] ^ 1
    if op in ("all", "any"):
        return diagram.conjunction(refs) if op == "all" else diagram.any(refs)
    result = refs[0]
    for ref in refs[1:]:
        result = diagram.both(result, ref) if op == "and" else diagram.either(result, ref)
    return result


def truth(formula, values):
    if isinstance(formula, int):
        return values[formula]
    op, parts = formula
    if op == "constant":
        return parts
    found = [truth(part, values) for part in parts]
    return not found[0] if op == "not" else all(found) if op in ("and", "all") else any(found)


def value(diagram, ref, values):
    while ref > 1:
        high, low = diagram.parts(ref)
        ref = high if values[diagram.level(ref)] else low
    return ref == TRUE


ALL = list(itertools.product([False, True], repeat=LEVELS))


@given(formulas)
def test_a_diagram_has_the_values_of_its_formula(formula):
    diagram = Diagram(100_000)
    ref = build(diagram, formula)
    assert [value(diagram, ref, values) for values in ALL] == [truth(formula, values) for values in ALL]


@given(formulas, formulas)
def test_two_formulas_are_one_reference_exactly_if_they_are_equal(one, two):
    diagram = Diagram(100_000)
    same = all(truth(one, values) == truth(two, values) for values in ALL)
    assert (build(diagram, one) == build(diagram, two)) == same


@given(formulas, st.lists(st.integers(0, 3), min_size=2 * LEVELS, max_size=2 * LEVELS))
@settings(max_examples=150)
def test_the_cheapest_assignment_makes_it_true_and_none_is_cheaper(formula, costs):
    diagram = Diagram(100_000)
    ref = build(diagram, formula)

    def cost(level, bit):
        return costs[2 * level + bit]

    found = diagram.cheapest(ref, cost)
    models = [values for values in ALL if truth(formula, values)]
    assert (found is None) == (not models)
    if found is None:
        return
    for rest in ALL:
        assert truth(formula, [found.get(level, rest[level]) for level in range(LEVELS)])
    price = sum(cost(level, bit) for level, bit in found.items())
    # Every model names at least the variables of a path, so none on a path can be cheaper than the least model.
    assert all(price <= sum(cost(level, bit) for level, bit in enumerate(values)) for values in models)


def test_a_chain_of_a_hundred_thousand_takes_no_recursion_and_one_node_each():
    diagram = Diagram(10)
    ref = TRUE
    for level in range(100_000):
        ref = (
            diagram.conjunction([diagram.literal(level), ref])
            if level < 5
            else diagram.node(level, ref, FALSE)
        )
    assert len(diagram) < 100_010
    assert diagram.cheapest(ref, lambda level, bit: 1) == dict.fromkeys(range(100_000), True)


def test_work_beyond_the_limit_is_refused():
    diagram = Diagram(1000)
    pairs = [diagram.both(diagram.literal(level), diagram.literal(level + 100)) for level in range(30)]
    with pytest.raises(Exhausted):
        diagram.any(pairs)
