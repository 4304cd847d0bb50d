"""Connections that don't wait for ever, and a server that finishes what it has begun."""

import asyncio
import logging
import math
import socket
import time
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from tfrs_ext.serving.rest.limits import Limits

if TYPE_CHECKING:
    from starlette.applications import Starlette

_ONCE_IN = 60.0  # Seconds between two lines of the log about the same trouble.
_log = logging.getLogger(__name__)


def make_server(app: "Starlette", limits: Limits) -> uvicorn.Server:
    """Returns a server whose `run(sockets=[…])` serves the application until it is told to stop.

    Args:
        app: What `create_app` returned.
        limits: The bounds on connections.
    """

    class Protocol(_TimedProtocol):
        header_seconds = limits.header_seconds

    config = uvicorn.Config(
        app,
        http=Protocol,
        log_config=None,
        access_log=False,
        timeout_keep_alive=math.ceil(limits.idle_seconds),
        timeout_graceful_shutdown=math.ceil(limits.drain_seconds),
    )
    return _Server(config)


class _TimedProtocol(H11Protocol):
    """Closes a connection whose client doesn't send the head of a request in time."""

    header_seconds = 0.0
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._start()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        # A client may have sent a part of its next request already.
        if self.conn.trailing_data[0]:
            self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def _watch(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop()
        elif self._timer is None:
            self._start()

    def _start(self) -> None:
        self._timer = self.loop.call_later(self.header_seconds, self._give_up)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self) -> None:
        self._timer = None
        if self.cycle is None or self.cycle.response_complete:
            self.transport.abort()


class _Server(uvicorn.Server):
    """Stops in two steps: new connections are refused, then those that are there are answered."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().set_exception_handler(_Quiet())
        await super().startup(sockets)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answers what was sent before the end, each with `Connection: close`, then stops."""
        self.config.app.state.service.is_stopping = True  # type: ignore[union-attr]
        for server in self.servers:
            server.close()
        end = time.monotonic() + min(1.0, self.config.timeout_graceful_shutdown or 1.0)
        while self.server_state.connections and time.monotonic() < end:
            await asyncio.sleep(0.02)
        await super().shutdown(sockets)


class _Quiet:
    """Logs trouble in the event loop, such as no file descriptors, in one line a minute."""

    def __init__(self) -> None:
        self._last: dict[str, float] = {}

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        message, now = str(context.get("message")), time.monotonic()
        if now - self._last.get(message, -_ONCE_IN) >= _ONCE_IN:
            self._last[message] = now
            _log.error("%s: %s", message, context.get("exception"))
