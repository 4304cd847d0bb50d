"""The web application: requests to endpoints, errors to statuses."""

import contextlib
import logging
import os
import re
import threading
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING

from tfrs_ext.serving.rest.answer_log import AnswerLog
from tfrs_ext.serving.rest.endpoints import ENDPOINTS, JSON, Call, Endpoint
from tfrs_ext.serving.rest.errors import RequestError
from tfrs_ext.serving.rest.limits import Limits
from tfrs_ext.serving.rest.served_model import ServedModel
from tfrs_ext.serving.rest.service import Service, to_json
from tfrs_ext.typing import PathLike

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]  # The others get a reason as well.
_COMPRESSED_FROM = 1024
_log = logging.getLogger(__name__)


def create_app(
    models: Mapping[str, str | os.PathLike[str]],
    *,
    num_versions: int = 1,
    poll_seconds: float = 1.0,
    limits: Limits | None = None,
    answer_log: PathLike | None = None,
    labels: Mapping[str, Mapping[str, int]] | None = None,
) -> "Starlette":
    """Returns an ASGI application that serves models under TensorFlow Serving's REST paths.

    `GET /v1/models/NAME`, `GET …/metadata` and `POST /v1/models/NAME:predict`, each also with
    `/versions/N` or `/labels/LABEL`; `GET /v1/models`, `/health` and
    `/monitoring/prometheus/metrics`. Errors are `{"error": reason}`. Bodies may come, and answers
    go, packed by gzip. Folders are looked into
    every `poll_seconds`: a new version is loaded and warmed up while the old one answers, then
    takes over; the old one is closed when its last request is done.

    Args:
        models: Folders of versions by the models' names.
        num_versions: How many versions of a model answer at a time.
        poll_seconds: Time between two looks into the folders.
        limits: What one request may ask for, and how many are taken on.
        answer_log: A folder in which answers with items are logged as JSON lines, for
            `serving.read_impressions`; None logs none. Requests are logged as they came: mind
            what you may keep of whom.
        labels: The versions by label, for some of the models, such as `{"movies": {"stable": 3}}`.
            They answer beside the newest ones.

    Raises:
        ImportError: Where starlette is missing.
        ValueError: Where `poll_seconds` isn't from 0.01 to 86,400, or `labels` names a model that
            isn't served, or `answer_log` can't be written to.

    Relations:
        `python -m tfrs_ext.serving.rest` runs it with uvicorn, and bounds connections as well.
    """
    try:
        from starlette.applications import Starlette
        from starlette.middleware import Middleware
        from starlette.middleware.gzip import GZipMiddleware
        from starlette.routing import Route
    except ImportError as error:
        raise ImportError(
            f"The HTTP server needs starlette, which could not be imported ({error}): install it "
            'with `pip install "tfrs-ext[serve]"`.'
        ) from error
    if not 0.01 <= poll_seconds <= 86_400:
        raise ValueError(
            f"`poll_seconds` must be from 0.01 to 86,400, received poll_seconds={poll_seconds}."
        )
    labels = labels or {}
    if not set(labels) <= set(models):
        raise ValueError(f"`labels` must be of the models {list(models)}, received {labels}.")
    served = {
        name: ServedModel(base, num_versions, labels.get(name)) for name, base in models.items()
    }
    log = None if answer_log is None else AnswerLog(answer_log)
    service = Service(served, limits or Limits(), log)

    @contextlib.asynccontextmanager
    async def lifespan(_: "Starlette") -> AsyncIterator[None]:
        stop = threading.Event()
        service.refresh()  # Nothing is answered before the first look is over.
        watch = threading.Thread(target=service.watch, args=(stop, poll_seconds), daemon=True)
        watch.start()
        try:
            yield
        finally:
            stop.set()
            watch.join()
            service.close()

    route = Route("/{path:path}", _Handler(service).answer, methods=_METHODS)
    packing = Middleware(GZipMiddleware, minimum_size=_COMPRESSED_FROM, compresslevel=4)
    app = Starlette(routes=[route], lifespan=lifespan, middleware=[packing])
    app.state.service = service
    return app


class _Handler:
    def __init__(self, service: Service) -> None:
        import anyio

        self._service = service
        self._threads = anyio.CapacityLimiter(service.limits.threads)

    async def answer(self, request: "Request") -> "Response":
        """Returns the answer to any request."""
        from starlette.responses import Response

        code, headers, media_type = 200, {}, JSON
        try:
            endpoint, call = self._find(request)
            body, media_type = await endpoint.answer(call), endpoint.media_type
        except RequestError as error:
            body, code, headers = to_json({"error": str(error)}), error.status, error.headers
        except Exception as error:
            _log.exception("%s %s", request.method, request.url.path)
            body, code = to_json({"error": f"{type(error).__name__}: {error}"}), 500
        if self._service.is_stopping:
            headers = {**headers, "connection": "close"}
        return Response(body, code, headers, media_type)

    def _find(self, request: "Request") -> tuple[Endpoint, Call]:
        # The path as it was sent: no endpoint has a name with a %.
        path = request.scope.get("raw_path", b"").decode("ascii", "replace")
        method = "GET" if request.method == "HEAD" else request.method
        matches = [(e, match) for e in ENDPOINTS if (match := e.match(path)) is not None]
        models = self._service.models
        if not matches or not _is_served(matches[0][1], models):
            raise RequestError(
                f"No such path. Models: {sorted(models)}; paths: /v1/models/NAME"
                "[/versions/N|/labels/LABEL][:predict|/metadata], /v1/models, /health, "
                "/monitoring/prometheus/metrics.",
                404,
            )
        for endpoint, match in matches:
            if endpoint.method == method:
                parts = match.groupdict()
                name, number, label = (parts.get(key) for key in ("name", "version", "label"))
                version = None if number is None else int(number)
                if name and label:
                    version = models[name].labelled(label)
                return endpoint, Call(self._service, request, self._threads, name or "", version)
        wanted = " or ".join(endpoint.method for endpoint, _ in matches)
        raise RequestError(f"This path takes {wanted}, received {request.method}.", 405)


def _is_served(match: re.Match[str], models: Mapping[str, ServedModel]) -> bool:
    name = match.groupdict().get("name")
    return name is None or name in models
