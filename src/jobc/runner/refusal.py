"""An answer that is no success, as an exception and as a response."""

from __future__ import annotations

from starlette.responses import JSONResponse


class Refused(Exception):
    """A request is not granted. `status` is HTTP's, `code` one of the protocol's; the texts are for a person."""

    def __init__(
        self, status: int, code: str, message: str, help: str = "", *, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.help = help
        self.retry_after = retry_after

    def response(self, *, close: bool = False) -> JSONResponse:
        """`close`: the rest of the request's body is not wanted."""
        headers = {}
        if self.retry_after is not None:
            headers["Retry-After"] = str(max(1, round(self.retry_after)))
        if self.status == 401:
            headers["WWW-Authenticate"] = 'Bearer realm="jobc runner"'
        if close:
            headers["Connection"] = "close"
        content = {"code": self.code, "message": self.message, "help": self.help}
        return JSONResponse(content, self.status, headers)
