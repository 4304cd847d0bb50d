"""The web application: requests to endpoints, errors to statuses."""

import logging
import os
import re
import threading
from collections.abc import Mapping

from tfrs_ext.serving.rest.answer_log import AnswerLog
from tfrs_ext.serving.rest.asgi import DisconnectedError, HttpRequest, Receive, Scope, Send
from tfrs_ext.serving.rest.batcher import Batcher
from tfrs_ext.serving.rest.endpoints import ENDPOINTS, JSON, Call, Endpoint
from tfrs_ext.serving.rest.errors import RequestError
from tfrs_ext.serving.rest.json_text import to_json
from tfrs_ext.serving.rest.limits import Limits
from tfrs_ext.serving.rest.packing import pack
from tfrs_ext.serving.rest.served_model import ServedModel
from tfrs_ext.serving.rest.service import Service
from tfrs_ext.typing import PathLike

_log = logging.getLogger(__name__)


def create_app(
    models: Mapping[str, str | os.PathLike[str]],
    *,
    num_versions: int = 1,
    poll_seconds: float = 1.0,
    limits: Limits | None = None,
    answer_log: PathLike | None = None,
    labels: Mapping[str, Mapping[str, int]] | None = None,
    max_batch_size: int | None = None,
) -> "App":
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
        max_batch_size: How many rows are answered by one run of the model, where several
            requests wait for the same signature with inputs of equal widths; None runs each
            request by itself. No request waits for others to come.

    Raises:
        ValueError: Where `poll_seconds` isn't from 0.01 to 86,400, or `labels` names a model that
            isn't served, or `answer_log` can't be written to, or `max_batch_size` isn't positive.

    Relations:
        `python -m tfrs_ext.serving.rest` runs it with uvicorn, and bounds connections as well.
    """
    if not 0.01 <= poll_seconds <= 86_400:
        raise ValueError(
            f"`poll_seconds` must be from 0.01 to 86,400, received poll_seconds={poll_seconds}."
        )
    labels, limits = labels or {}, limits or Limits()
    if not set(labels) <= set(models):
        raise ValueError(f"`labels` must be of the models {list(models)}, received {labels}.")
    served = {
        name: ServedModel(base, num_versions, labels.get(name)) for name, base in models.items()
    }
    log = None if answer_log is None else AnswerLog(answer_log)
    batcher = None if max_batch_size is None else Batcher(max_batch_size, limits)
    return App(Service(served, limits, log, batcher), poll_seconds)


class App:
    """An ASGI application over a service: any ASGI server runs it.

    Args:
        service: What the endpoints answer from.
        poll_seconds: Time between two looks into the models' folders.
    """

    def __init__(self, service: Service, poll_seconds: float) -> None:
        self.service, self._poll_seconds = service, poll_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request, or follows the server's start and end.

        Args:
            scope: What the server says about the request.
            receive: Waits for the next part of it.
            send: Sends the next part of the answer.

        Raises:
            NotImplementedError: Where it is neither a request nor the server's life.
        """
        if scope["type"] == "http":
            await self._answer(HttpRequest.from_scope(scope, receive), send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            raise NotImplementedError(f"Only HTTP is served, received {scope['type']}.")

    async def _live(self, receive: Receive, send: Send) -> None:
        stop = threading.Event()
        arguments = (stop, self._poll_seconds)
        watch = threading.Thread(target=self.service.watch, args=arguments, daemon=True)
        await receive()
        self.service.refresh()  # Nothing is answered before the first look is over.
        watch.start()
        await send({"type": "lifespan.startup.complete"})
        try:
            await receive()
        finally:
            stop.set()
            watch.join()
            self.service.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _answer(self, request: HttpRequest, send: Send) -> None:
        status, headers, media_type = 200, {}, JSON
        try:
            endpoint, call = self._find(request)
            body, media_type = await endpoint.answer(call), endpoint.media_type
        except DisconnectedError:
            return
        except RequestError as error:
            body, status, headers = to_json({"error": str(error)}), error.status, error.headers
        except Exception as error:
            _log.exception("%s %s", request.method, request.path)
            body, status = to_json({"error": f"{type(error).__name__}: {error}"}), 500
        if self.service.is_stopping:
            headers = {**headers, "connection": "close"}
        body, packing = await pack(body, request)
        headers = {
            "content-type": media_type,
            "content-length": str(len(body)),
            **packing,
            **headers,
        }
        lines = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": lines})
        await send({"type": "http.response.body", "body": body})

    def _find(self, request: HttpRequest) -> tuple[Endpoint, Call]:
        # No endpoint has a name with a %, so that the path needs no decoding.
        method = "GET" if request.method == "HEAD" else request.method
        matches = [(e, match) for e in ENDPOINTS if (match := e.match(request.path)) is not None]
        models = self.service.models
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
                return endpoint, Call(self.service, request, name or "", version)
        wanted = " or ".join(endpoint.method for endpoint, _ in matches)
        raise RequestError(f"This path takes {wanted}, received {request.method}.", 405)


def _is_served(match: re.Match[str], models: Mapping[str, ServedModel]) -> bool:
    name = match.groupdict().get("name")
    return name is None or name in models
