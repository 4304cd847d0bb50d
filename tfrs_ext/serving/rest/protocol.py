"""Connections that don't wait for ever, over whichever parser of HTTP is installed."""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

try:
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
except ModuleNotFoundError:
    HttpToolsProtocol = None  # type: ignore[assignment,misc]

_HEAD_BYTES = 65_536


class _Timed(asyncio.Protocol):
    """Closes a connection whose client doesn't send the head of a request in time.

    It stands before one of uvicorn's protocols.
    """

    header_seconds = 0.0
    transport: asyncio.Transport
    loop: asyncio.AbstractEventLoop
    cycle: Any  # The request under way, or the last one.
    _timer: asyncio.TimerHandle | None = None

    def has_begun(self) -> bool:
        """Whether the client has sent a part of its next request, while one is under way."""
        raise NotImplementedError

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._start()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        super().on_response_complete()  # type: ignore[misc]
        if self.has_begun():
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


class _TimedH11(_Timed, H11Protocol):
    """Connections parsed by h11, in Python."""

    def has_begun(self) -> bool:
        return bool(self.conn.trailing_data[0])


PROTOCOLS: list[type[_Timed]] = [_TimedH11]
"""What can be used here, the fastest first."""

if HttpToolsProtocol is not None:

    class _TimedHttpTools(_Timed, HttpToolsProtocol):
        """Connections parsed by httptools, in C, which knows no bound on the size of a head."""

        _head_bytes: int | None = None  # None where no head has begun.

        def has_begun(self) -> bool:
            return self._head_bytes is not None

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self._head_bytes = 0

        def on_headers_complete(self) -> None:
            self._head_bytes = None
            super().on_headers_complete()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self._head_bytes is not None:
                self._head_bytes += len(data)
                if self._head_bytes > _HEAD_BYTES and not self.transport.is_closing():
                    self.send_400_response(f"The head must have at most {_HEAD_BYTES} bytes.")

    PROTOCOLS.insert(0, _TimedHttpTools)
