"""A stand-in for the few calls that AutoTrain's page makes to the Hugging Face Hub.

Purpose: the page asks the Hub at its start (which models are popular?), at every click
(whose token is this?) and before a training (is the name of the project taken?), so it
does not even start without a network. This server answers those three on the loopback
address, in the same process and without any state:

    with HubStandIn() as hub:
        variables = hub.variables()     # HF_ENDPOINT, HF_API, HF_TOKEN, ...

Everything else is answered with 404 and noted. It is no Hub: it has no models, no files
and no users, and it forwards nothing. The token is made up and good for nothing else.
"""

from __future__ import annotations

import json
import secrets
import threading
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

USER = "learner"  # whom the made-up token belongs to
MODELS, WHO = "/api/models", "/api/whoami-v2"
# By this header huggingface_hub knows that a name is free, and not just hidden.
NOT_FOUND = {"X-Error-Code": "RepoNotFound"}


@dataclass(frozen=True)
class Asked:
    """A call that was made: its method, its path, and the status of the answer."""

    method: str
    path: str
    status: int


class HubStandIn:
    """A server on a free port of the loopback address; use it with `with`."""

    def __init__(self) -> None:
        self.token = f"hf_made_up_{secrets.token_hex(4)}"
        self.asked: list[Asked] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """Its address, without a slash at the end."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def variables(self) -> dict[str, str]:
        """Return the variables by which programs ask it in place of the Hub."""
        return {
            "HF_ENDPOINT": self.url,  # huggingface_hub
            "HF_API": self.url,  # AutoTrain's own
            "HF_TOKEN": self.token,
            "HF_HUB_OFFLINE": "0",
            # A proxy of the network must not be asked about this very machine.
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
        }

    def answer(
        self, method: str, path: str, token: str
    ) -> tuple[HTTPStatus, Any, dict[str, str]]:
        """Return status, body and headers of the answer to a call.

        Args:
            method: of the request.
            path: without what follows a question mark.
            token: that the request brings; empty without one.
        """
        if method == "GET" and path == MODELS:
            return HTTPStatus.OK, [], {}
        if method == "GET" and path == WHO:
            if not secrets.compare_digest(token, self.token):
                return HTTPStatus.UNAUTHORIZED, {"error": "unknown token"}, {}
            return HTTPStatus.OK, {"id": USER, "name": USER, "orgs": []}, {}
        return HTTPStatus.NOT_FOUND, {"error": "not found"}, NOT_FOUND

    def __enter__(self) -> HubStandIn:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(hub: HubStandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            path = urlsplit(self.path).path
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            status, body, headers = hub.answer(self.command, path, token)
            hub.asked.append(Asked(self.command, path, int(status)))
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _answer

        def log_message(self, format: str, *values: Any) -> None:
            """Say nothing: what was asked stands in `asked`."""

    return Handler
