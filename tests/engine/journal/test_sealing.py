"""Values that come back from the journal exactly, and secrets that never get there."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobc.engine.journal.sealing import Unsealed, seal, unseal
from jobc.engine.secrets import Veil

SECRETS = {"TOKEN": "hunter22", "one key": "sw0rd"}
texts = st.lists(st.sampled_from(["hunter22", "sw0rd", "hunter", "$jobc", "secret", "é", "\ud800", " "])).map(
    "".join
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    texts,
    st.dates(),
    st.datetimes(),
    st.times(),
    st.decimals(allow_nan=False),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(inner, inner),
        st.dictionaries(st.sampled_from(["a", "$jobc", "map"]), inner, max_size=3),
    ),
    max_leaves=8,
)


def types(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: types(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value), [types(item) for item in value]
    return str if isinstance(value, str) else type(value), str(value)


@given(values)
def test_a_value_comes_back_as_it_was_and_without_its_secrets_in_between(value: Any) -> None:
    veil = Veil(SECRETS)
    sealed = seal(value, veil)
    assert sealed is not None
    assert not any(secret in sealed for secret in SECRETS.values())
    back = unseal(sealed, veil)
    assert back == value
    assert types(back) == types(value)


def test_a_secret_that_is_missing_is_named_and_a_new_value_takes_its_place() -> None:
    sealed = seal({"auth": "Bearer hunter22!"}, Veil(SECRETS))
    assert sealed is not None
    with pytest.raises(Unsealed, match="TOKEN"):
        unseal(sealed, Veil({}))
    assert unseal(sealed, Veil({"TOKEN": "new"})) == {"auth": "Bearer new!"}


def test_a_live_object_is_not_sealed() -> None:
    assert seal({"x": object()}, Veil({})) is None


def test_exact_kinds() -> None:
    value = [Decimal("1.10"), date(2026, 1, 2), datetime(2026, 1, 2, 3), time(4), 1.0, 1, True]
    back = unseal(seal(value, Veil({})) or "", Veil({}))
    assert [repr(item) for item in back] == [repr(item) for item in value]
