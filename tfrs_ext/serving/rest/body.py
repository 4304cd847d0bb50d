"""The body of a request, read within the limits."""

import zlib
from typing import TYPE_CHECKING

from tfrs_ext.serving.rest.errors import RequestError
from tfrs_ext.serving.rest.limits import Limits

if TYPE_CHECKING:
    from starlette.requests import Request

_GZIP = 16 + zlib.MAX_WBITS
_CLOSE = {"connection": "close"}  # What is left of the body can't be told from a request.


async def read_body(request: "Request", limits: Limits) -> bytes:
    """Returns the body, unpacked where it came packed by gzip.

    Args:
        request: The request.
        limits: The bounds on size and time.

    Raises:
        RequestError: Where it is too large, too slow, or packed otherwise.
    """
    import anyio

    encoding = request.headers.get("content-encoding", "identity").lower()
    if encoding not in ("identity", "gzip"):
        raise RequestError(f"Bodies come plain or as gzip, received {encoding!r}.", 415, _CLOSE)
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > limits.body_bytes:
        raise _too_large(limits)
    body = bytearray()
    with anyio.move_on_after(limits.body_seconds) as scope:
        async for chunk in request.stream():
            body += chunk
            if len(body) > limits.body_bytes:
                raise _too_large(limits)
    if scope.cancelled_caught:
        raise RequestError(f"The body took over {limits.body_seconds} seconds.", 408, _CLOSE)
    return _unpack(bytes(body), limits) if encoding == "gzip" else bytes(body)


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
