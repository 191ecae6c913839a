from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import pytest

from jobc.errors import UsageError
from jobc.runner.tokens import Tokens, digest, write_new


def test_only_the_hash_is_kept_in_a_file_of_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "state" / "token"
    token = write_new(str(path), rotate=False)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert token not in path.read_text()
    assert Tokens(str(path)).accepts(token)


@pytest.mark.parametrize("change", ["", "x", "short", "upper", "more", "less"])
def test_near_misses_are_refused(tmp_path: Path, change: str) -> None:
    path = str(tmp_path / "token")
    token = write_new(path, rotate=False)
    last = "A" if token[-1] != "A" else "B"
    wrong = {
        "": "",
        "x": token[:-1] + last,
        "short": token[:-1],
        "upper": token.swapcase(),
        "more": token + "A",
        "less": token[1:],
    }[change]
    assert not Tokens(path).accepts(wrong)
    assert not Tokens(path).accepts(digest(token)), "the hash is no token"


def test_a_second_token_must_be_asked_for(tmp_path: Path) -> None:
    path = str(tmp_path / "token")
    write_new(path, rotate=False)
    with pytest.raises(UsageError, match="has a token already"):
        write_new(path, rotate=False)


def test_rotation_ends_the_old_token_at_once_or_after_a_while(tmp_path: Path) -> None:
    path = str(tmp_path / "token")
    first = write_new(path, rotate=False)
    tokens = Tokens(path)
    second = write_new(path, rotate=True, overlap=3600.0)
    tokens.look()
    assert tokens.accepts(first)
    assert tokens.accepts(second)
    third = write_new(path, rotate=True)
    tokens.look()
    assert [tokens.accepts(each) for each in (first, second, third)] == [False, False, True]


def test_an_overlap_that_is_over_is_over(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(f"sha256:{digest('a' * 30)} until={int(time.time()) - 1}\nsha256:{digest('b' * 30)}\n")
    path.chmod(0o600)
    assert not Tokens(str(path)).accepts("a" * 30)
    assert Tokens(str(path)).accepts("b" * 30)


def test_a_token_may_stand_in_the_file_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("# from the orchestrator\n" + "s" * 24 + "\n")
    path.chmod(0o600)
    assert Tokens(str(path)).accepts("s" * 24)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no token"),
        ("# nothing\n", "has no token"),
        ("short\n", "shorter than 24 characters"),
        ("sha256:abc\n", "this is no SHA-256"),
        ("two words and more\n", "this is no token"),
        (f"{'x' * 30} until=soon\n", "this is no token"),
    ],
)
def test_files_that_hold_no_token_are_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "token"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(UsageError, match=said):
        Tokens(str(path))


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("s" * 30)
    path.chmod(0o640)
    with pytest.raises(UsageError, match="may be read by others"):
        Tokens(str(path))
    os.unlink(path)
    with pytest.raises(UsageError, match="there is no token file"):
        Tokens(str(path))
