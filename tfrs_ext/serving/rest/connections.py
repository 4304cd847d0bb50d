"""A server that finishes what it has begun."""

import asyncio
import logging
import math
import socket
import time
from typing import Any

import uvicorn

from tfrs_ext.serving.rest.app import App
from tfrs_ext.serving.rest.limits import Limits
from tfrs_ext.serving.rest.protocol import PROTOCOLS

_ONCE_IN = 60.0  # Seconds between two lines of the log about the same trouble.
_log = logging.getLogger(__name__)


def make_server(app: App, limits: Limits) -> uvicorn.Server:
    """Returns a server whose `run(sockets=[…])` serves the application until it is told to stop.

    Args:
        app: What `create_app` returned.
        limits: The bounds on connections.
    """
    timed = {"header_seconds": limits.header_seconds}
    config = uvicorn.Config(
        app,
        http=type("Timed", (PROTOCOLS[0],), timed),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        timeout_keep_alive=math.ceil(limits.idle_seconds),
        timeout_graceful_shutdown=math.ceil(limits.drain_seconds),
    )
    return _Server(config, app)


class _Server(uvicorn.Server):
    """Stops in two steps: new connections are refused, then those that are there are answered."""

    def __init__(self, config: uvicorn.Config, app: App) -> None:
        super().__init__(config)
        self._app = app

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().set_exception_handler(_Quiet())
        await super().startup(sockets)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answers what was sent before the end, each with `Connection: close`, then stops."""
        self._app.service.is_stopping = True
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
