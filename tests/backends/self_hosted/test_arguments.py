from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobc.backends.api import BackendError
from jobc.backends.self_hosted import protocol
from jobc.backends.self_hosted.arguments import endpoint, labels, limits
from jobc.backends.self_hosted.errors import ANSWERS
from jobc.backends.self_hosted.protocol import Head, key_of, submission
from jobc.runner.bodies import parse_head

_GOOD = {"host": "https://runner.example.com:8460/", "token": "t" * 30}


def test_an_endpoint_is_what_the_arguments_say() -> None:
    found = endpoint(_GOOD, "/")
    assert found == ("https://runner.example.com:8460", "t" * 30, True, None)
    assert "t" * 30 not in repr(found)
    assert endpoint({**_GOOD, "host": "runner:1"}, "/").url == "https://runner:1", "no scheme is the safe one"
    assert endpoint({**_GOOD, "verify_tls": "false"}, "/").verify is False


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"host": ""}, "`host` is empty"),
        ({"host": None}, "`host` is empty"),
        ({"host": "ftp://x"}, "`host` cannot be"),
        ({"host": "http://"}, "`host` cannot be"),
        ({"host": "http://x:99999"}, "`host` cannot be"),
        ({"host": "https://user:pw@x"}, "the token goes into `token`"),
        ({"host": "https://x?token=1"}, "the token goes into `token`"),
        ({"token": ""}, "`token` is empty"),
        ({"token": None}, "`token` is empty"),
        ({"token": "two words"}, "characters that no token has"),
        ({"token": "ü" * 30}, "characters that no token has"),
        ({"token": "line\nbreak"}, "characters that no token has"),
        ({"verify_tls": "maybe"}, "`verify-tls` cannot be `maybe`"),
        ({"ca_file": "none.pem"}, "there is no file"),
    ],
)
def test_wrong_arguments_are_told_with_their_remedy(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(BackendError) as caught:
        endpoint({**_GOOD, **changes}, str(tmp_path))
    assert said in str(caught.value)
    assert not caught.value.transient
    assert "t" * 30 not in str(caught.value)


def test_resources_are_read_as_people_write_them() -> None:
    assert limits({}) == (None, None)
    assert limits({"cpu": "1.5", "memory": "512M"}) == (1.5, 512 * 2**20)
    assert limits({"memory": "2GiB"}) == (None, 2 * 2**30)
    assert limits({"memory": 1000}) == (None, 1000)
    for wrong in (
        {"cpu": "many"},
        {"cpu": 0},
        {"memory": "much"},
        {"memory": "-1G"},
        {"memory": "0"},
        {"gpu": 1},
    ):
        with pytest.raises(BackendError):
            limits(wrong)


def test_labels_are_a_list() -> None:
    assert labels({"labels": ["gpu", 1]}) == ["gpu", "1"]
    assert labels({}) == []
    with pytest.raises(BackendError, match="is no list"):
        labels({"labels": "gpu"})


def test_every_code_of_the_protocol_has_an_answer() -> None:
    states = {"queued", "running", "ended", "lost", "cancel", "kill", "memory", "disk", "time"}
    codes = {
        value
        for name, value in vars(protocol).items()
        if name.isupper() and isinstance(value, str) and not name.endswith("HEADER")
    }
    assert set(ANSWERS) == codes - states


@given(
    st.text(min_size=1, max_size=100),
    st.dictionaries(
        st.from_regex(r"[a-z][a-z0-9.]{0,8}", fullmatch=True), st.binary(max_size=50), min_size=1, max_size=5
    ),
    st.floats(0, 1e9),
)
def test_a_submission_is_read_as_it_was_written(name: str, files: dict[str, bytes], timeout: float) -> None:
    files = {f"f{key}": data for key, data in files.items()}
    head = Head(
        name, "0" * 64, [(key, len(data)) for key, data in files.items()], timeout=timeout, labels=["a"]
    )
    body = b"".join(submission(head, files))
    line, _, rest = body.partition(b"\n")
    read = parse_head(line)
    assert [getattr(read, field) for field in Head.__slots__] == [
        getattr(head, field) for field in Head.__slots__
    ]
    assert rest == b"".join(files.values())
    assert len(key_of(name)) == 64
