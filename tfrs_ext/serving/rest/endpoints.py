"""The paths that a server answers: a function each, and one line in `ENDPOINTS`."""

import re
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from tfrs_ext.serving.rest.asgi import HttpRequest
from tfrs_ext.serving.rest.body import read_body
from tfrs_ext.serving.rest.errors import RequestError
from tfrs_ext.serving.rest.json_text import to_json
from tfrs_ext.serving.rest.metadata import metadata, status
from tfrs_ext.serving.rest.service import Service

JSON, TEXT = "application/json", "text/plain; version=0.0.4"
NAME = "[A-Za-z0-9_.-]+"
VERSION = rf"(/versions/(?P<version>0|[1-9][0-9]{{0,17}})|/labels/(?P<label>{NAME}))"
MODEL = rf"/v1/models/(?P<name>{NAME}){VERSION}?"


class Call(NamedTuple):
    """A request to an endpoint.

    Attributes:
        service: What is served.
        request: The request.
        name: The model's, of those that are served; "" where the path names none.
        version: The version's number, or None.
    """

    service: Service
    request: HttpRequest
    name: str
    version: int | None


class Endpoint(NamedTuple):
    """A path.

    Attributes:
        method: GET, which HEAD may take the place of, or POST.
        path: A pattern of the whole path, with groups `name`, and `version` or `label`, where it
            has them.
        answer: Returns the body. It runs in the event loop, so it mustn't wait.
        media_type: The body's.
    """

    method: str
    path: str
    answer: Callable[[Call], Awaitable[bytes]]
    media_type: str = JSON

    def match(self, path: str) -> re.Match[str] | None:
        """Returns the match, where this is the path's endpoint."""
        return re.fullmatch(self.path, path)


async def answer_models(call: Call) -> bytes:
    """Returns the names of the models, and the versions that answer."""
    models = [
        {"name": name, "versions": [str(number) for number in model.served()]}
        for name, model in call.service.models.items()
    ]
    return to_json({"models": models})


async def answer_status(call: Call) -> bytes:
    """Returns the states of a model's versions."""
    return to_json(status(call.service.models[call.name], call.version))


async def answer_metadata(call: Call) -> bytes:
    """Returns the signatures of a version."""
    with call.service.models[call.name].lease(call.version) as (number, servable):
        return to_json(metadata(call.name, number, servable))


async def answer_prediction(call: Call) -> bytes:
    """Returns what a version makes of the body."""
    service = call.service
    with service.admit():
        body = await read_body(call.request, service.limits)
        return await service.answer(call.name, call.version, body)


async def answer_health(call: Call) -> bytes:
    """Returns that all is well, where each model has a version and the server isn't stopping."""
    waiting = [name for name, model in call.service.models.items() if not model.served()]
    if waiting or call.service.is_stopping:
        reason = "The server is stopping." if call.service.is_stopping else f"No version: {waiting}"
        raise RequestError(reason, 503, {"retry-after": "1"})
    return to_json({"status": "ok"})


async def answer_metrics(call: Call) -> bytes:
    """Returns the counts for Prometheus."""
    service = call.service
    versions = {name: len(model.served()) for name, model in service.models.items()}
    return service.monitor.text(service.in_flight, versions).encode()


ENDPOINTS = [
    Endpoint("GET", "/v1/models", answer_models),
    Endpoint("GET", MODEL, answer_status),
    Endpoint("GET", MODEL + "/metadata", answer_metadata),
    Endpoint("POST", MODEL + ":predict", answer_prediction),
    Endpoint("GET", "/health", answer_health),
    Endpoint("GET", "/monitoring/prometheus/metrics", answer_metrics, TEXT),
]
