"""What every request has to pass before a route sees it.

Purpose: one ASGI layer that stamps a request id on every answer and refuses foreign
Host names (DNS rebinding), browser origins (no CORS), compressed or oversized bodies,
unexpected content types and wrong keys. Classes of attack: contract notes, section 6.
It must never know what a route does, and the key never leaves it.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
import time
from collections.abc import Callable, Iterable

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from helpers.provider.azure.tokens import Tokens
from helpers.provider.errors import ApiError, error_response
from helpers.provider.settings import Limits

# The second wants the key in a header of its own (azure/identity).
OPEN_PATHS = frozenset({"/health", "/msi/token"})
# A key of the ASGI scope: who reads the body counts it, and never holds all of it.
STREAMED = "helpers.provider.streamed"
# Headers that decide something here: twice, and two readers may decide differently.
_ONCE = frozenset(
    {
        b"host",
        b"authorization",
        b"api-key",
        b"x-identity-header",
        b"origin",
        b"sec-fetch-site",
        b"content-type",
        b"content-length",
        b"content-encoding",
        b"transfer-encoding",
    }
)
_BODY_METHODS = frozenset({"POST", "PUT", "PATCH"})


class RequestTooLarge(ApiError):
    """A JSON body beyond the cap."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            413,
            f"The request body is larger than the {limit} bytes allowed here.",
            code="request_too_large",
        )


class RequestTooSlow(ApiError):
    """A body that stopped coming, or comes in drops to hold a place."""

    def __init__(self) -> None:
        super().__init__(
            408,
            "The request body did not arrive in time. Send the request again over a "
            "faster connection.",
            code="request_timeout",
            close=True,
        )


class Guard:
    """The ASGI layer around the whole application.

    Args:
        app: what is guarded.
        key: the key every call has to bring.
        hosts: exact values accepted in the Host header.
        limits: caps on the body of a request, in bytes and in time.
        tokens: what is taken in place of the key, if anything is.
        refusal: words a refusal in the dialect of its path; None for OpenAI's.

    Raises:
        ValueError: the key is empty.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        key: str,
        hosts: Iterable[str],
        limits: Limits,
        tokens: Tokens | None = None,
        refusal: Callable[[Scope, ApiError], Response | None] | None = None,
    ) -> None:
        if not key:
            raise ValueError("the provider's key must not be empty")
        self._app = app
        self._key = key.encode()
        self._hosts = frozenset(host.lower() for host in hosts)
        self._limits = limits
        self._json_bytes = limits.json_bytes
        self._tokens, self._refusal = tokens, refusal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        request_id = "req_" + secrets.token_hex(16)
        began = time.monotonic()

        async def stamped(message: Message) -> None:
            if message["type"] == "http.response.start":
                milliseconds = int((time.monotonic() - began) * 1000)
                message.setdefault("headers", []).extend(
                    [
                        (b"x-request-id", request_id.encode()),
                        (b"openai-processing-ms", str(milliseconds).encode()),
                        (b"x-content-type-options", b"nosniff"),
                    ]
                )
            await send(message)

        try:
            self._check(scope)
        except ApiError as fault:
            answer = self._refusal(scope, fault) if self._refusal else None
            await (answer or error_response(fault))(scope, receive, stamped)
            return
        await self._app(scope, self._capped(scope, receive), stamped)

    def _check(self, scope: Scope) -> None:
        """Raise the answer of a refusal."""
        headers: dict[bytes, bytes] = {}
        for name, value in scope["headers"]:
            if name in _ONCE and name in headers:
                # Another reader of this request may go by the other one.
                raise ApiError(
                    400,
                    f"A request must not have more than one {name.decode()} header.",
                    close=True,
                )
            headers[name] = value
        if b"content-length" in headers and b"transfer-encoding" in headers:
            # RFC 9112, section 6.1: it may hide a second request, so hang up.
            raise ApiError(
                400,
                "A request must not have both a Content-Length and a "
                "Transfer-Encoding header.",
                close=True,
            )
        host = headers.get(b"host", b"").decode("latin-1").lower()
        if host not in self._hosts:
            raise ApiError(
                403,
                "This Host name is not served here. Use the address the provider "
                "printed at its start, or add the name with --allow-host.",
                code="host_not_allowed",
            )
        # Browsers set these two, and no script in a page can take them away. "none" is
        # an address that somebody typed.
        if b"origin" in headers or headers.get(b"sec-fetch-site", b"none") != b"none":
            raise ApiError(
                403,
                "Requests from web pages are not allowed: this provider answers "
                "programs on this machine only.",
                code="origin_not_allowed",
            )
        if scope["path"] not in OPEN_PATHS:
            self._check_key(headers)
        if scope["method"] in _BODY_METHODS:
            self._check_body(headers)

    def _check_key(self, headers: dict[bytes, bytes]) -> None:
        given = headers.get(b"api-key")
        if given is None:
            scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
            given = token.strip() if scheme.lower() == b"bearer" else None
        if not given:
            raise ApiError(
                401,
                "You didn't provide an API key. Send it in an Authorization header "
                "(Authorization: Bearer KEY); the provider keeps it in the file "
                "'key' of its folder.",
            )
        if not hmac.compare_digest(given, self._key) and not self._is_token(given):
            raise ApiError(
                401,
                "Incorrect API key provided. The provider keeps its key in the file "
                "'key' of its folder.",
                code="invalid_api_key",
            )

    def _is_token(self, given: bytes) -> bool:
        return self._tokens is not None and self._tokens.is_valid(given, time.time())

    def _check_body(self, headers: dict[bytes, bytes]) -> None:
        encoding = headers.get(b"content-encoding", b"identity")
        if encoding.strip().lower() != b"identity":
            raise ApiError(
                415,
                "Compressed request bodies are not accepted; send the body as it is.",
                code="unsupported_content_encoding",
            )
        length = headers.get(b"content-length", b"")
        empty = length in (b"", b"0") and b"transfer-encoding" not in headers
        if empty:
            return
        full = headers.get(b"content-type", b"")
        kind = full.partition(b";")[0].strip().lower()
        if kind == b"multipart/form-data":
            return
        if kind != b"application/json":
            shown = full.decode("latin-1")[:100]
            raise ApiError(
                415,
                f"Unsupported content type: '{shown}'. This API method only accepts "
                "'application/json' requests (and 'multipart/form-data' for files).",
                code="unsupported_content_type",
            )
        if length.isdigit() and int(length) > self._json_bytes:
            raise RequestTooLarge(self._json_bytes)

    def _capped(self, scope: Scope, receive: Receive) -> Receive:
        """Count the body as it arrives: a chunked one states no length.

        Only a route that streams its body is free of this cap. The content type alone
        proves nothing: a route that expects JSON reads a form into memory, too.
        """
        seen, whole = 0, False
        began = time.monotonic()

        async def in_time() -> Message:
            """Wait for the next piece, but not for ever."""
            due = began + self._limits.body_silence_seconds
            due += seen / self._limits.body_bytes_a_second
            silent = time.monotonic() + self._limits.body_silence_seconds
            # A piece that lies there already is taken however late it is: it may be
            # this server that was busy.
            left = max(min(due, silent) - time.monotonic(), 0.05)
            try:
                async with asyncio.timeout(left):
                    return await receive()
            except TimeoutError as fault:
                raise RequestTooSlow from fault

        async def counted() -> Message:
            nonlocal seen, whole
            message = await (receive() if whole else in_time())
            seen += len(message.get("body", b""))
            whole = not message.get("more_body", False)
            if seen > self._json_bytes and not scope.get(STREAMED):
                raise RequestTooLarge(self._json_bytes)
            return message

        return counted


def allowed_hosts(host: str, port: int, further: Iterable[str] = ()) -> set[str]:
    """Return the exact Host header values that a server at `host:port` accepts.

    Args:
        host: the address it listens on.
        port: the port it listens on.
        further: names given with --allow-host, with or without a port of their own.
    """
    names = {"127.0.0.1", "localhost", "[::1]"}
    if host not in ("0.0.0.0", "::"):
        names.add(f"[{host}]" if ":" in host else host)
    accepted = {f"{name}:{port}" for name in names}
    if port == 80:
        accepted |= names
    for name in further:
        accepted |= {name, f"{name}:{port}"}
    return accepted
