"""The web application: paths, bodies and statuses."""

import contextlib
import json
import logging
import os
import re
import threading
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

from tfrs_ext.serving.rest.errors import RequestError
from tfrs_ext.serving.rest.limits import Limits
from tfrs_ext.serving.rest.metadata import metadata, status
from tfrs_ext.serving.rest.predict import predict
from tfrs_ext.serving.rest.served_model import ServedModel

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]  # The others get a reason as well.
_log = logging.getLogger(__name__)
_PATH = re.compile(
    r"/v1/models/(?P<name>[^/:]+)(/versions/(?P<version>[0-9]{1,18}))?"
    r"(?P<action>:predict|/metadata)?"
)


def create_app(
    models: Mapping[str, str | os.PathLike[str]],
    *,
    num_versions: int = 1,
    poll_seconds: float = 1.0,
    limits: Limits | None = None,
) -> Any:
    """Returns an ASGI application that serves models under TensorFlow Serving's REST paths.

    `GET /v1/models/NAME`, `GET …/metadata` and `POST /v1/models/NAME:predict`, each also with
    `/versions/N`; errors are `{"error": reason}`. Folders are looked into every `poll_seconds`:
    a new version is loaded and warmed up while the old one answers, then takes over; the old one
    is closed when its last request is done.

    Args:
        models: Folders of versions by the models' names.
        num_versions: How many versions of a model answer at a time.
        poll_seconds: Time between two looks into the folders.
        limits: What one request may ask for.

    Raises:
        ImportError: Where starlette is missing.

    `python -m tfrs_ext.serving.rest` runs it with uvicorn.
    """
    try:
        from starlette.applications import Starlette
        from starlette.routing import Route
    except ImportError as error:
        raise ImportError(
            f"The HTTP server needs starlette, which could not be imported ({error}): install it "
            'with `pip install "tfrs-ext[serve]"`.'
        ) from error
    served = {name: ServedModel(base, num_versions) for name, base in models.items()}
    handler = _Handler(served, limits or Limits())

    @contextlib.asynccontextmanager
    async def lifespan(_: Any) -> AsyncIterator[None]:
        stop = threading.Event()
        _refresh(served)  # Nothing is answered before the first look is over.
        watch = threading.Thread(target=_watch, args=(served, stop, poll_seconds), daemon=True)
        watch.start()
        try:
            yield
        finally:
            stop.set()
            watch.join()
            for model in served.values():
                model.close()

    route = Route("/{path:path}", handler.answer, methods=_METHODS)
    return Starlette(routes=[route], lifespan=lifespan)


def _refresh(served: Mapping[str, ServedModel]) -> None:
    for model in served.values():
        try:
            model.refresh()
        except Exception:
            _log.exception("couldn't look into %s", model.base)


def _watch(served: Mapping[str, ServedModel], stop: threading.Event, poll_seconds: float) -> None:
    while not stop.wait(poll_seconds):
        _refresh(served)


class _Handler:
    def __init__(self, served: Mapping[str, ServedModel], limits: Limits) -> None:
        self._served, self._limits = served, limits

    async def answer(self, request: "Request") -> "Response":
        """Returns the answer to any request."""
        from starlette.concurrency import run_in_threadpool
        from starlette.responses import Response

        try:
            model, version, action = self._asked(request)
            body = await self._body(request) if action == ":predict" else b""
            text = await run_in_threadpool(self._answer, model, version, action, body)
            code = 200
        except RequestError as error:
            text, code = _json({"error": str(error)}), error.status
        except Exception as error:
            _log.exception("%s %s", request.method, request.url.path)
            text, code = _json({"error": f"{type(error).__name__}: {error}"}), 500
        return Response(text, code, media_type="application/json")

    def _asked(self, request: "Request") -> tuple[str, int | None, str]:
        match = _PATH.fullmatch(request.url.path)
        if match is None or match["name"] not in self._served:
            raise RequestError(
                f"No such path. Models: {sorted(self._served)}; paths: /v1/models/NAME"
                "[/versions/N][:predict|/metadata].",
                404,
            )
        action = match["action"] or ""
        wanted = "POST" if action == ":predict" else "GET"
        if request.method != wanted:
            raise RequestError(f"This path takes {wanted}, received {request.method}.", 405)
        return match["name"], int(match["version"]) if match["version"] else None, action

    async def _body(self, request: "Request") -> bytes:
        import anyio

        most, body = self._limits.body_bytes, bytearray()
        declared = request.headers.get("content-length", "0")
        if declared.isdecimal() and int(declared) > most:
            raise RequestError(f"The body must have at most {most} bytes.", 413)
        with anyio.move_on_after(self._limits.body_seconds) as scope:
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    raise RequestError(f"The body must have at most {most} bytes.", 413)
        if scope.cancelled_caught:
            raise RequestError(f"The body took over {self._limits.body_seconds} seconds.", 408)
        return bytes(body)

    def _answer(self, name: str, version: int | None, action: str, body: bytes) -> bytes:
        model = self._served[name]
        if not action:
            return _json(status(model, version))
        with model.lease(version) as (number, servable):
            if action == ":predict":
                return _json(predict(servable, body, self._limits))
            return _json(metadata(name, number, servable))


def _json(value: Any) -> bytes:
    # NaN is written as `NaN`, as TensorFlow Serving does.
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")
