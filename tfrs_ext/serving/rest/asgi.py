"""The words of ASGI, the interface between an HTTP server and a web application."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, NamedTuple

Scope = MutableMapping[str, Any]
"""What a server says about a request or about its own life."""

Message = MutableMapping[str, Any]
"""A part of a request or of an answer."""

Receive = Callable[[], Awaitable[Message]]
"""Waits for the next part of a request."""

Send = Callable[[Message], Awaitable[None]]
"""Sends the next part of an answer."""


class DisconnectedError(Exception):
    """The client has gone before its request was whole."""


class HttpRequest(NamedTuple):
    """A request whose body hasn't been read.

    Attributes:
        method: The HTTP method, in capitals.
        path: The path as it was sent: nothing in it is decoded.
        headers: The headers, with names in lower case.
        receive: Waits for the next part of the body.
    """

    method: str
    path: str
    headers: Mapping[bytes, bytes]
    receive: Receive

    @classmethod
    def from_scope(cls, scope: Scope, receive: Receive) -> "HttpRequest":
        """Returns the request that a server tells of.

        Args:
            scope: What the server says about it.
            receive: Waits for the next part of the body.
        """
        path = scope.get("raw_path") or b""
        return cls(
            scope["method"], path.decode("ascii", "replace"), dict(scope["headers"]), receive
        )

    def header(self, name: str, default: str = "") -> str:
        """Returns the value of a header.

        Args:
            name: The header's name, in lower case.
            default: What is returned where the request lacks the header.
        """
        value = self.headers.get(name.encode())
        return default if value is None else value.decode("latin-1")
