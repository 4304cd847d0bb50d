"""Answers packed by gzip, for clients that take them."""

import asyncio
import functools
import gzip

from tfrs_ext.serving.rest.asgi import HttpRequest

_FROM = 1024  # Bytes, below which packing gains nothing.
_IN_THREAD_FROM = 16_384  # Bytes, above which packing would keep the event loop from its work.
_LEVEL = 4
_VARIES = {"vary": "accept-encoding"}


async def pack(body: bytes, request: HttpRequest) -> tuple[bytes, dict[str, str]]:
    """Returns an answer's body, packed where the client takes it so, and the headers that say it.

    Args:
        body: The answer.
        request: What it answers.
    """
    if len(body) < _FROM:
        return body, {}
    if "gzip" not in request.header("accept-encoding"):
        return body, _VARIES
    compress = functools.partial(gzip.compress, body, _LEVEL, mtime=0)
    if len(body) < _IN_THREAD_FROM:
        packed = compress()
    else:
        packed = await asyncio.get_running_loop().run_in_executor(None, compress)
    return packed, {**_VARIES, "content-encoding": "gzip"}
