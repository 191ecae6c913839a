"""A private registry: one image, tag 1 of any name, for whoever knows user and password (the parts of the protocol that a pull uses)."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


class Registry:
    """`saved` is what `docker save` wrote. Daemons trust it without TLS, as it is on 127.0.0.1."""

    def __init__(self, saved: bytes, *, user: str, password: str) -> None:
        blobs: dict[str, bytes] = {}

        def blob(data: bytes, kind: str) -> dict[str, object]:
            digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
            blobs[digest] = data
            return {"mediaType": kind, "size": len(data), "digest": digest}

        with tarfile.open(fileobj=io.BytesIO(saved)) as archive:

            def member(name: str) -> bytes:
                file = archive.extractfile(name)
                assert file is not None
                return file.read()

            (described,) = json.loads(member("manifest.json"))
            config = blob(member(described["Config"]), "application/vnd.docker.container.image.v1+json")
            layers = [
                blob(gzip.compress(member(name), 1), "application/vnd.docker.image.rootfs.diff.tar.gzip")
                for name in described["Layers"]
            ]
        manifest = {"schemaVersion": 2, "mediaType": _MANIFEST, "config": config, "layers": layers}
        manifest_data = json.dumps(manifest).encode()
        manifest_digest = f"sha256:{hashlib.sha256(manifest_data).hexdigest()}"
        wanted = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                if self.headers.get("Authorization") != wanted:
                    errors = {"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]}
                    self._answer(401, json.dumps(errors).encode(), {"WWW-Authenticate": 'Basic realm="test"'})
                    return
                parts = self.path.split("/")
                if self.path == "/v2/":
                    self._answer(200, b"{}", {})
                elif parts[-2] == "manifests" and parts[-1] in ("1", manifest_digest):
                    headers = {"Content-Type": _MANIFEST, "Docker-Content-Digest": manifest_digest}
                    self._answer(200, manifest_data, headers)
                elif parts[-2] == "blobs" and parts[-1] in blobs:
                    self._answer(200, blobs[parts[-1]], {"Docker-Content-Digest": parts[-1]})
                else:
                    errors = {"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}
                    self._answer(404, json.dumps(errors).encode(), {})

            do_HEAD = do_GET

            def _answer(self, status: int, data: bytes, headers: dict[str, str]) -> None:
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(data)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Registry:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
