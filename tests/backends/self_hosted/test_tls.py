"""TLS with real certificates of an authority made for the test, and what is said where they do not do."""

from __future__ import annotations

import datetime
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme

from jobc.backends.api import BackendError
from tests.backends.self_hosted.rig import Rig
from tests.runner.serving import Server


class Authority:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.authority = trustme.CA()
        self.file = str(folder / "ca.pem")
        self.authority.cert_pem.write_to_path(self.file)

    def issue(self, name: str, *, expired: bool = False) -> list[str]:
        """Options of the runner for a certificate."""
        until = datetime.datetime(2020, 1, 2) if expired else None
        since = datetime.datetime(2020, 1, 1) if expired else None
        made = self.authority.issue_cert(name, not_before=since, not_after=until)
        key, chain = self.folder / f"{name}.key", self.folder / f"{name}.pem"
        made.private_key_pem.write_to_path(str(key))
        chain.write_bytes(b"".join(blob.bytes() for blob in made.cert_chain_pems))
        return ["--tls-cert", str(chain), "--tls-key", str(key)]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "authority")


def encrypted(serve: Callable[..., Server], authority: Authority, options: list[str]) -> Server:
    context = ssl.create_default_context(cafile=authority.file)
    return serve(*options, scheme="https", verify=context)


def test_a_job_runs_over_tls(
    serve: Callable[..., Server], connect: Callable[..., Rig], authority: Authority
) -> None:
    server = encrypted(serve, authority, authority.issue("localhost"))
    rig = connect(server, ca_file=authority.file)
    result, log = rig.run("tls", "echo over tls")
    assert (result.status, log) == ("success", ["over tls"])
    rig.backend.close()
    relaxed = connect(server, verify_tls=False)
    assert relaxed.run("relaxed")[0].status == "success"


def test_the_authority_may_be_a_file_beside_the_jobs(
    serve: Callable[..., Server], connect: Callable[..., Rig], authority: Authority
) -> None:
    rig = connect(encrypted(serve, authority, authority.issue("localhost")), ca_file="ca.pem")
    Path(rig.workdir, "ca.pem").write_text(Path(authority.file).read_text())
    assert rig.run("beside")[0].status == "success"


@pytest.mark.parametrize(
    ("name", "expired", "arguments", "said"),
    [
        ("localhost", False, {}, "signed by nobody that is trusted here; name its authority with `ca-file`"),
        ("other.example", False, {"ca_file": ""}, "its certificate is for another name"),
        ("localhost", True, {"ca_file": ""}, "its certificate has expired"),
    ],
)
def test_certificates_that_do_not_do_are_refused_by_their_fault(
    serve: Callable[..., Server],
    connect: Callable[..., Rig],
    authority: Authority,
    name: str,
    expired: bool,
    arguments: dict[str, str],
    said: str,
) -> None:
    server = encrypted(serve, authority, authority.issue(name, expired=expired))
    rig = connect(server, **dict.fromkeys(arguments, authority.file))
    with pytest.raises(BackendError) as caught:
        rig.backend.submit(rig.task("refused"))
    assert said in str(caught.value)
    assert not caught.value.transient


def test_a_renewed_certificate_is_loaded_on_sighup(
    serve: Callable[..., Server], authority: Authority
) -> None:
    import signal
    import socket

    from tests.runner.serving import until

    options = authority.issue("localhost")
    server = encrypted(serve, authority, options)

    def serial() -> int:
        context = ssl.create_default_context(cafile=authority.file)
        with (
            socket.create_connection(("localhost", server.port)) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as connection,
        ):
            found = connection.getpeercert()
            assert found is not None
            return int(str(found["serialNumber"]), 16)

    before = serial()
    authority.issue("localhost")
    assert server.process is not None
    server.process.send_signal(signal.SIGHUP)
    until(lambda: serial() != before)
    Path(options[1]).write_text("broken")
    server.process.send_signal(signal.SIGHUP)
    until(lambda: "the one before stays" in server.log())
    assert serial() != before


def test_plain_http_and_tls_are_told_apart(
    serve: Callable[..., Server], connect: Callable[..., Rig], authority: Authority
) -> None:
    rig = connect(serve())
    rig.arguments["host"] = rig.arguments["host"].replace("http:", "https:")
    with pytest.raises(BackendError, match="it speaks plain HTTP there; write `http://`"):
        rig.backend.submit(rig.task("plain"))
    server = encrypted(serve, authority, authority.issue("localhost"))
    rig = connect(server)
    rig.arguments["host"] = rig.arguments["host"].replace("https:", "http:")
    with pytest.raises(BackendError, match="write `https://`"):
        rig.backend.submit(rig.task("tls"))
