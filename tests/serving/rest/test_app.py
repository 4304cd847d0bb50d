"""The application without network and models: what waits for what, and what is bounded."""

import asyncio
import contextlib
import gzip
import json
import threading

import numpy as np
import pytest

from tfrs_ext.serving.rest import Limits, create_app
from tfrs_ext.serving.rest import service as module
from tfrs_ext.serving.rest.errors import RequestError
from tfrs_ext.serving.rest.json_text import to_json
from tfrs_ext.serving.rest.predict import Question

PREDICT = "/v1/models/m:predict"


class Model:
    """Stands for a model with one version."""

    def refresh(self):
        pass

    def close(self):
        pass

    def served(self):
        return [3]

    def states(self):
        return {3: None}

    def labelled(self, label):
        if label != "stable":
            raise RequestError(f"No version has the label {label!r}.", 404)
        return 3


def make_app(predict, **limits):
    app = create_app({}, limits=Limits(**limits))
    service = app.service
    service.models, service.predict = {"m": Model()}, predict
    return app


async def ask(app, method, path, body=b"", **headers):
    """Returns status, headers and body, as a server would ask."""
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(n.replace("_", "-").encode(), v.encode()) for n, v in headers.items()],
    }
    sent = []

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], found, b"".join(part.get("body", b"") for part in sent[1:])


def test_status_waits_for_no_prediction_and_too_many_are_sent_away():
    go = threading.Event()
    app = make_app(lambda *_: go.wait(20) and b"{}", threads=1, in_flight=2)

    async def run():
        predictions = [asyncio.create_task(ask(app, "POST", PREDICT)) for _ in range(2)]
        await asyncio.sleep(0.05)
        paths = ["/v1/models", "/v1/models/m", "/health", "/monitoring/prometheus/metrics"]
        others = [await asyncio.wait_for(ask(app, "GET", path), 5) for path in paths]
        busy = await asyncio.wait_for(ask(app, "POST", PREDICT), 5)
        go.set()
        return others, busy, await asyncio.gather(*predictions)

    others, busy, predictions = asyncio.run(run())
    assert [status for status, _, _ in others] == [200] * 4
    assert json.loads(others[0][2]) == {"models": [{"name": "m", "versions": ["3"]}]}
    assert "tfrs_ext_in_flight 2\n" in others[3][2].decode()
    assert 'tfrs_ext_versions{model_name="m"} 1\n' in others[3][2].decode()
    assert (busy[0], busy[1]["retry-after"]) == (503, "1")
    assert b"2 predictions are under way" in busy[2]
    assert [status for status, _, _ in predictions] == [200, 200]


def test_bodies_and_answers_are_packed_where_the_client_says_so():
    app = make_app(lambda name, version, body: body, body_bytes=5000)
    text = json.dumps({"inputs": ["u1"] * 500}).encode()

    async def run():
        return (
            await ask(app, "POST", PREDICT, gzip.compress(text, mtime=0), content_encoding="gzip"),
            await ask(app, "POST", PREDICT, text, accept_encoding="gzip"),
        )

    plain, packed = asyncio.run(run())
    assert plain[2] == text
    assert packed[1]["content-encoding"] == "gzip"
    assert gzip.decompress(packed[2]) == text


@pytest.mark.parametrize(
    ("body", "encoding", "status"),
    [
        (gzip.compress(b" " * 10_000_000, mtime=0), "gzip", 413),
        (gzip.compress(b"{}", mtime=0)[:-6], "gzip", 400),
        (b"{}", "gzip", 400),
        (b"{}", "br", 415),
    ],
)
def test_packed_bodies_are_bounded_and_whole(body, encoding, status):
    app = make_app(lambda *_: b"{}", body_bytes=50_000)
    found = asyncio.run(ask(app, "POST", PREDICT, body, content_encoding=encoding))
    assert found[0] == status


def test_health_tells_of_a_model_without_versions_and_of_the_end():
    app = make_app(None)
    app.service.is_stopping = True
    status, headers, _ = asyncio.run(ask(app, "GET", "/health"))
    assert (status, headers["connection"]) == (503, "close")
    app.service.is_stopping = False
    app.service.models["n"] = type("Empty", (Model,), {"served": lambda self: []})()
    status, _, body = asyncio.run(ask(app, "GET", "/health"))
    assert status == 503
    assert b"No version: ['n']" in body


def test_predictions_are_counted_by_status_and_time(monkeypatch):
    now, seconds = [0.0], iter([0.003, 20.0])

    class Lent(Model):
        @contextlib.contextmanager
        def lease(self, version):
            yield 3, None

    def predict(servable, question, inputs, limits):
        now[0] += next(seconds)
        if question == b"long":
            raise RequestError("too long", 504)
        return {"x": np.array([])}

    monkeypatch.setattr(module, "read_question", lambda _, body, limits: Question(body, {}, False))
    monkeypatch.setattr(module, "run", predict)
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    service = module.Service({"m": Lent()}, Limits())
    assert service.predict("m", None, b"") == b'{"outputs":[]}'
    with pytest.raises(RequestError):
        service.predict("m", None, b"long")
    lines = service.monitor.text(0, {}).splitlines()
    count, seconds = (
        ":tensorflow:serving:request_count",
        ":tensorflow:serving:request_latency_seconds",
    )
    for line in (
        f'{count}{{model_name="m",status="200"}} 1',
        f'{count}{{model_name="m",status="504"}} 1',
        f'{seconds}_bucket{{model_name="m",le="0.002"}} 0',
        f'{seconds}_bucket{{model_name="m",le="0.005"}} 1',
        f'{seconds}_bucket{{model_name="m",le="10.0"}} 1',
        f'{seconds}_bucket{{model_name="m",le="+Inf"}} 2',
        f'{seconds}_sum{{model_name="m"}} 20.003',
        f'{seconds}_count{{model_name="m"}} 2',
    ):
        assert line in lines


@pytest.mark.parametrize(("label", "status"), [("stable", 200), ("beta", 404), ("a%2Fb", 404)])
def test_a_label_stands_for_its_version(label, status):
    app = make_app(lambda name, version, body: to_json({"version": version}))
    found = asyncio.run(ask(app, "POST", f"/v1/models/m/labels/{label}:predict", b"{}"))
    assert found[0] == status
    assert (json.loads(found[2]) == {"version": 3}) == (status == 200)
    assert asyncio.run(ask(app, "GET", f"/v1/models/m/labels/{label}"))[0] == status


def test_labels_are_of_models_that_are_served(tmp_path):
    with pytest.raises(ValueError, match="`labels` must be of the models"):
        create_app({"m": tmp_path}, labels={"n": {"stable": 1}})
