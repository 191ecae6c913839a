from __future__ import annotations

import base64
import json
import re
import subprocess
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobc.interpreter.lines import LINE_BOUND, Lines
from jobc.interpreter.masking import Masker
from jobc.interpreter.values import SecretText

SECRET = 'p@ss/word+ü "x"'


@pytest.mark.parametrize("before", ["", "a", "ab", "abc"])
@pytest.mark.parametrize("after", ["", "\n", "yz"])
def test_base64_of_a_text_with_the_secret_in_it_is_masked(before: str, after: str) -> None:
    encoded = base64.b64encode((before + SECRET + after).encode()).decode()
    masked = Masker({"S": SECRET}).mask(encoded)
    assert "***" in masked
    assert len(masked.replace("***", "")) <= 8


@pytest.mark.parametrize("form", [str, lambda s: quote(s, safe=""), quote, lambda s: json.dumps(s)[1:-1]])
def test_encodings_are_masked(form: object) -> None:
    assert callable(form)
    assert Masker({"S": SECRET}).mask(f"<{form(SECRET)}>") == "<***>"


def test_lines_of_a_secret_of_several_lines_are_masked() -> None:
    masker = Masker({"KEY": "-----BEGIN\nMIIEabcdef\nx\n-----END"})
    assert masker.mask("MIIEabcdef") == "***"
    assert masker.mask("x") == "x"


def test_long_base64_wrapped_in_columns_is_masked() -> None:
    secret = "".join(chr(48 + (i * 7) % 70) for i in range(200))
    encoded = base64.b64encode(secret.encode()).decode()
    masker = Masker({"S": secret})
    for at in range(0, len(encoded), 76):
        assert masker.mask(encoded[at : at + 76]).replace("=", "") == "***"


def test_a_short_secret_is_named_and_not_masked() -> None:
    masker = Masker({"PIN": "abc", "EMPTY": ""})
    assert masker.short == ["PIN"]
    assert masker.mask("abc") == "abc"


def test_what_an_expression_makes_of_a_secret_is_learnt() -> None:
    masker = Masker({"S": "hunter22"})
    masker.learn({"x": [SecretText("HUNTER22")]})
    assert masker.mask("it is HUNTER22") == "it is ***"


def test_masked_data_keeps_its_shape() -> None:
    masker = Masker({"S": "hunter22"})
    assert masker.mask_map({"a": ["hunter22", 1], "hunter22": None}) == {"a": ["***", 1], "***": None}


@given(
    st.text(st.characters(codec="utf-8"), min_size=8, max_size=40).filter(lambda text: not text.isspace()),
    st.binary(max_size=6),
    st.binary(max_size=6),
)
def test_any_secret_in_any_base64_text_is_masked(secret: str, before: bytes, after: bytes) -> None:
    encoded = base64.b64encode(before + secret.encode() + after).decode()
    masked = Masker({"S": secret}).mask(encoded)
    assert "***" in masked
    assert len(masked.replace("***", "")) <= 20


@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\n\r*"), min_size=4, max_size=40),
    st.integers(LINE_BOUND - 60, LINE_BOUND + 60),
    st.integers(1, 5000),
)
def test_a_secret_across_the_cut_of_a_long_line_is_masked(secret: str, before: int, chunk: int) -> None:
    seen: list[str] = []
    lines = Lines("stdout", Masker({"S": secret}), lambda stream, text, at: seen.append(text))
    data = b"\x01" * before + secret.encode() + b"\x01" * 70000
    step = chunk * 20
    for at in range(0, len(data), step):
        lines.feed(data[at : at + step], 0.0)
    lines.end()
    if "\x01" not in secret:
        assert "".join(seen) == "\x01" * before + "***" + "\x01" * 70000


@pytest.mark.parametrize("secret", ["it's a secret", SECRET, "a~b:~c$d"])
def test_what_bash_makes_of_a_secret_when_it_traces_or_quotes_is_masked(secret: str) -> None:
    masker = Masker({"S": secret})
    script = 'set -x; : "$S"; set +x; printf \'%q\\n\' "$S" >&2'
    done = subprocess.run(
        ["bash", "-c", script], env={"S": secret, "LC_ALL": "C.UTF-8"}, capture_output=True, text=True
    )
    traced, _, quoted = done.stderr.splitlines()
    assert re.sub("[ ']", "", masker.mask(traced)) == "+:***"
    assert masker.mask(quoted) == "***"
