"""The body of a request, read within the limits."""

import asyncio
import zlib

from tfrs_ext.serving.rest.asgi import DisconnectedError, HttpRequest, Receive
from tfrs_ext.serving.rest.errors import RequestError
from tfrs_ext.serving.rest.limits import Limits

_GZIP = 16 + zlib.MAX_WBITS
_CLOSE = {"connection": "close"}  # What is left of the body can't be told from a request.


async def read_body(request: HttpRequest, limits: Limits) -> bytes:
    """Returns the body, unpacked where it came packed by gzip.

    Args:
        request: The request.
        limits: The bounds on size and time.

    Raises:
        RequestError: Where it is too large, too slow, or packed otherwise.
        DisconnectedError: Where the client has gone.
    """
    encoding = request.header("content-encoding", "identity").lower()
    if encoding not in ("identity", "gzip"):
        raise RequestError(f"Bodies come plain or as gzip, received {encoding!r}.", 415, _CLOSE)
    declared = request.header("content-length", "0")
    if declared.isdecimal() and int(declared) > limits.body_bytes:
        raise _too_large(limits)
    try:
        body = await asyncio.wait_for(_receive(request.receive, limits), limits.body_seconds)
    except asyncio.TimeoutError:
        reason = f"The body took over {limits.body_seconds} seconds."
        raise RequestError(reason, 408, _CLOSE) from None
    return _unpack(body, limits) if encoding == "gzip" else body


async def _receive(receive: Receive, limits: Limits) -> bytes:
    body, is_whole = bytearray(), False
    while not is_whole:
        part = await receive()
        if part["type"] == "http.disconnect":
            raise DisconnectedError
        body += part.get("body", b"")
        is_whole = not part.get("more_body", False)
        if len(body) > limits.body_bytes:
            raise _too_large(limits)
    return bytes(body)


def _too_large(limits: Limits) -> RequestError:
    return RequestError(f"The body must have at most {limits.body_bytes} bytes.", 413, _CLOSE)


def _unpack(body: bytes, limits: Limits) -> bytes:
    packed = zlib.decompressobj(_GZIP)
    try:
        plain = packed.decompress(body, limits.body_bytes)
    except zlib.error as error:
        raise RequestError(f"The body isn't gzip: {error}.") from error
    if packed.unconsumed_tail:
        raise _too_large(limits)
    if not packed.eof:
        raise RequestError("The body's gzip stream is cut off.")
    return plain
