"""What a connection may do before and after there is a request on it.

Purpose: uvicorn closes a connection that is idle between requests, but waits for ever
for the head of a request, for the rest of a body that nobody reads any more, and takes
any number of connections. Here each of these has an end, and every refusal has
OpenAI's error body. What a request holds is the guard's affair (`guard`).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from helpers.provider.errors import INVALID_REQUEST, error_body
from helpers.provider.settings import Limits


class Connection(H11Protocol):
    """One connection; `with_limits` gives the class its limits."""

    limits = Limits()
    # Of all servers that share this class: what they hold, one machine holds.
    everybody: set[Connection] = set()
    _clock: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Take a connection, or refuse one too many."""
        super().connection_made(transport)
        self.everybody.add(self)
        if len(self.everybody) > self.limits.connections:
            self._refuse(
                503,
                f"{self.limits.connections} connections are open, the most that this "
                "provider serves. Close some, and try again.",
                "server_error",
                "too_many_connections",
            )
            return
        self._start_clock(self.limits.head_seconds, self._head_is_late)

    def data_received(self, data: bytes) -> None:
        """Read on; the clock of a head runs from its first byte to its last."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            if self.conn.our_state is not h11.DONE:
                self._stop_clock()
        elif not self.transport.is_closing() and self._clock is None:
            self._start_clock(self.limits.head_seconds, self._head_is_late)

    def on_response_complete(self) -> None:
        """Let a refused body end, so that its sender sees why, but not for ever."""
        super().on_response_complete()
        if self.conn.our_state is h11.DONE and self.conn.their_state is h11.SEND_BODY:
            self._start_clock(self.limits.unread_body_seconds, self.transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget everything."""
        self._stop_clock()
        self.everybody.discard(self)
        super().connection_lost(exc)

    def _start_clock(self, seconds: float, late: Callable[[], None]) -> None:
        self._stop_clock()
        self._clock = self.loop.call_later(seconds, late)

    def _stop_clock(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _head_is_late(self) -> None:
        self._refuse(
            408,
            f"The head of the request did not arrive within "
            f"{self.limits.head_seconds:g} seconds.",
            INVALID_REQUEST,
            "request_timeout",
        )

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP; uvicorn calls this."""
        self._refuse(400, msg, INVALID_REQUEST, None)

    def _refuse(self, status: int, message: str, type: str, code: str | None) -> None:
        """Answer and hang up."""
        if self.transport.is_closing():
            return
        body = json.dumps(error_body(message, type=type, param=None, code=code))
        headers = [
            ("content-type", "application/json"),
            ("content-length", str(len(body))),
            ("connection", "close"),
        ]
        if status == 503:
            headers.append(("retry-after", "2"))
        # A protocol error in mid-request leaves no room for an answer.
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            for event in (
                h11.Response(status_code=status, headers=headers),
                h11.Data(data=body.encode()),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event))
        self.transport.close()


def with_limits(limits: Limits) -> type[Connection]:
    """Return a class of connections that keep to these limits, all together."""
    own = {"limits": limits, "everybody": set()}
    return type("LimitedConnection", (Connection,), own)


@dataclass(frozen=True)
class Secure:
    """A second socket of a server, where it speaks https.

    Attributes:
        sock: bound already.
        certificate: file of it.
        key: file of its private key.
    """

    sock: socket.socket
    certificate: Path
    key: Path


class _Second(uvicorn.Server):
    """The server with https; it leaves signals and the application's life alone."""

    def capture_signals(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()


class Server(uvicorn.Server):
    """The web server; it lets go of who only waits as soon as it is told to stop.

    Args:
        app: what is served.
        limits: of connections.
        on_start: called once when it listens, everywhere.
        on_stop: called when it is told to stop, before open requests are waited for.
        grace_seconds: how long open requests may take to end.
        secure: where it speaks https as well.
    """

    def __init__(
        self,
        app: ASGIApp,
        limits: Limits,
        *,
        on_start: Callable[[], None] = lambda: None,
        on_stop: Callable[[], None] = lambda: None,
        grace_seconds: int = 5,
        secure: Secure | None = None,
    ) -> None:
        common = {
            "http": with_limits(limits),
            "ws": "none",
            "log_config": None,
            # It would hold queries, and with them what people put there by mistake.
            "access_log": False,
            "server_header": False,
            "proxy_headers": False,
            "timeout_graceful_shutdown": grace_seconds,
        }
        super().__init__(uvicorn.Config(app, **common))
        self._on_start, self._on_stop = on_start, on_stop
        self._secure, self._second = secure, None
        self._running: asyncio.Task[None] | None = None
        if secure is not None:
            config = uvicorn.Config(
                app,
                **common,
                lifespan="off",
                ssl_certfile=secure.certificate,
                ssl_keyfile=secure.key,
            )
            self._second = _Second(config)

    async def startup(self, sockets=None) -> None:
        """Begin to listen."""
        await super().startup(sockets=sockets)
        if self.started and self._second is not None:
            await self._start_second()
        if self.started:
            self._on_start()

    async def _start_second(self) -> None:
        """Both answer before anyone is told where."""
        serving = self._second.serve(sockets=[self._secure.sock])
        self._running = asyncio.create_task(serving)
        while not self._second.started:
            if self._running.done():
                await self._running  # raises what kept it from starting
                return
            await asyncio.sleep(0.01)

    async def shutdown(self, sockets=None) -> None:
        """End, when all requests have."""
        self._on_stop()
        if self._running is not None:
            # The application ends in what follows, so nobody may use it then.
            for server in self.servers:
                server.close()
            self._second.should_exit = True
            await self._running
        await super().shutdown(sockets=sockets)
