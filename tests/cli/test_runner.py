"""`jobc runner`: tokens, and settings that are refused with their remedy before anything is served."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from jobc.cli.main import main


@pytest.fixture
def state(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """A runner's folder with a token."""
    folder = str(tmp_path / "state")
    assert main(["runner", "token", "--state", folder]) == 0
    capsys.readouterr()
    return folder


def test_a_token_goes_to_standard_output_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(tmp_path / "state")
    assert main(["runner", "token", "--state", folder]) == 0
    said = capsys.readouterr()
    token = said.out.strip()
    assert token.startswith("jobc_")
    assert said.out.count("\n") == 1
    assert token not in said.err
    assert os.path.join(folder, "token") in said.err
    assert main(["runner", "token", "--state", folder, "--rotate", "--overlap", "1h"]) == 0
    assert capsys.readouterr().out.strip() != token


def test_the_folder_is_that_of_systemd_where_nothing_else_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "unit"))
    assert main(["runner", "token"]) == 0
    assert (tmp_path / "unit" / "token").exists()


@pytest.mark.parametrize(
    ("options", "said", "remedy"),
    [
        (["--host", "0.0.0.0"], "would travel unencrypted", "--tls-cert"),
        (["--host", "::"], "would travel unencrypted", "--plain-http"),
        (["--tls-key", "key.pem"], "--tls-key without --tls-cert", "--tls-cert FILE"),
        (["--tls-cert", "none.pem"], "none.pem cannot be used for TLS", "a PEM file"),
        (["--tls-cert", "x", "--plain-http"], "--plain-http with --tls-cert", "leave one of them away"),
        (["--port", "http"], "--port cannot be `http`", "whole number"),
        (["--port", "70000"], "--port cannot be `70000`", "65535"),
        (["--concurrency", "0"], "--concurrency cannot be `0`", "from 1 up"),
        (["--queue", "-1"], "--queue cannot be `-1`", "from 0 up"),
        (["--memory", "lots"], "--memory cannot be `lots`", "500M or 20G"),
        (["--disk", "0"], "--disk cannot be `0`", "500M or 20G"),
        (["--cpu", "0"], "--cpu cannot be `0`", "above 0"),
        (["--time", "soon"], "--time: 'soon' is not a duration", "90s"),
        (["--python", "no/such/python"], "is no program", "--python names a Python"),
        (["--token-file", "nowhere"], "there is no token file", "jobc runner token"),
    ],
)
def test_settings_that_do_not_do(
    state: str, capsys: pytest.CaptureFixture[str], options: list[str], said: str, remedy: str
) -> None:
    assert main(["runner", "serve", "--state", state, *options]) == 2
    found = capsys.readouterr().err
    assert said in found
    assert remedy in found
    assert "Traceback" not in found


def test_a_port_that_is_taken(state: str, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert main(["runner", "serve", "--state", state, "--port", port]) == 2
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in capsys.readouterr().err


@pytest.mark.parametrize("options", [["--overlap", "1h"], ["--rotate", "--overlap", "soon"], []])
def test_tokens_that_cannot_be_made(
    state: str, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    assert main(["runner", "token", "--state", state, *options]) == 2
    assert "help: " in capsys.readouterr().err or options == ["--rotate", "--overlap", "soon"]
