"""Requests that wait for each other are answered by one run, as if each had run by itself."""

import asyncio
import contextlib
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tensorflow as tf

from tests.serving.rest.test_app import Model
from tests.serving.rest.test_app import ask as ask_app
from tfrs_ext.serving.rest import Limits, create_app
from tfrs_ext.serving.rest.batcher import Batcher
from tfrs_ext.serving.rest.errors import RequestError
from tfrs_ext.serving.rest.predict import Question, predict, read_question, write_answer
from tfrs_ext.serving.rest.tensors import TensorSpec

LIMITS = Limits()


class Double:
    """Stands for a version that doubles rows and adds `k`; its runs wait for `go`."""

    def __init__(self):
        self.inputs = {"f": {"x": spec(None, None), "k": spec()}, "whole": {"x": spec(None)}}
        self.outputs = {"f": {"y": spec(None, None)}, "whole": {"sum": spec()}}
        self.runs, self.go = [], threading.Event()

    def run(self, signature, inputs, seconds):
        self.runs.append(inputs["x"].tolist())
        assert self.go.wait(10)
        if signature == "whole":
            return {"sum": inputs["x"].sum()}
        if (inputs["x"] < 0).any():
            raise tf.errors.InvalidArgumentError(None, None, "below zero")
        if (inputs["x"] > 99).any():
            raise tf.errors.DeadlineExceededError(None, None, "too long")
        return {"y": 2 * inputs["x"] + inputs["k"]}


def spec(*shape):
    return TensorSpec("x:0", np.dtype("int64"), shape)


def ask(questions, max_rows=64):
    """Asks a first question, and the others while it runs; returns answers, errors and runs."""
    servable = Double()

    async def run():
        batcher, answers = Batcher(max_rows, LIMITS), []
        with ThreadPoolExecutor(4) as threads:
            for question in [make(0), *questions]:
                finish = lambda outputs, q=question: write_answer(q, outputs)  # noqa: E731
                answer = batcher.answer(servable, question, finish, threads)
                answers.append(asyncio.create_task(answer))
                await asyncio.sleep(0)
            await asyncio.sleep(0.05)
            servable.go.set()
            found = await asyncio.gather(*answers, return_exceptions=True)
        assert not batcher._queues
        return found[1:]

    answers = asyncio.run(run())
    return [json.loads(a) if isinstance(a, bytes) else a for a in answers], servable.runs[1:]


def make(*values, width=1, k=0, signature="f"):
    x = np.repeat(np.array(values, np.int64)[:, None], width, axis=1)
    inputs = {"x": x, "k": np.array(k)} if signature == "f" else {"x": x[:, 0]}
    return Question(signature, inputs, False)


def test_waiting_requests_are_joined_and_split_again():
    answers, runs = ask([make(1), make(2, 3), make(), make(4)])
    assert answers == [{"outputs": y} for y in ([[2]], [[4], [6]], [], [[8]])]
    assert runs == [[[1], [2], [3], [4]]]


def test_a_run_has_at_most_so_many_rows_and_a_longer_request_runs_by_itself():
    answers, runs = ask([make(1), make(2), make(3), make(4, 5, 6, 7), make(8)], max_rows=3)
    assert sorted(runs) == [[[1], [2], [3]], [[4], [5], [6], [7]], [[8]]]
    assert answers[3] == {"outputs": [[8], [10], [12], [14]]}


def test_a_full_run_does_not_wait_for_the_one_under_way():
    servable = Double()

    async def run():
        batcher = Batcher(2, LIMITS)
        with ThreadPoolExecutor(4) as threads:
            for i in range(6):
                answer = batcher.answer(servable, make(i), lambda outputs: b"done", threads)
                servable.tasks.append(asyncio.create_task(answer))
                await asyncio.sleep(0.02)
            begun = list(servable.runs)
            servable.go.set()
            return begun, await asyncio.gather(*servable.tasks)

    servable.tasks = []
    begun, answers = asyncio.run(run())
    assert begun == [[[0]], [[1], [2]], [[3], [4]]]
    assert answers == [b"done"] * 6


@pytest.mark.parametrize("other", [make(2, width=2), make(2, k=1), make(2, signature="whole")])
def test_other_widths_constants_and_signatures_are_not_joined(other):
    answers, runs = ask([make(1), other, make(3)])
    assert sorted(runs, key=str) == sorted([[[1], [3]], other.inputs["x"].tolist()], key=str)
    assert (answers[0], answers[2]) == ({"outputs": [[2]]}, {"outputs": [[6]]})


def test_outputs_without_rows_are_not_joined():
    answers, runs = ask([make(1, 2, signature="whole"), make(3, signature="whole")])
    assert answers == [{"outputs": 3}, {"outputs": 3}]
    assert sorted(runs, key=str) == [[1, 2], [3]]


def test_an_error_of_one_request_touches_no_other():
    answers, runs = ask([make(1), make(-1), make(2)])
    assert (answers[0], answers[2]) == ({"outputs": [[2]]}, {"outputs": [[4]]})
    assert isinstance(answers[1], RequestError)
    assert "below zero" in str(answers[1])
    assert runs == [[[1], [-1], [2]], [[1]], [[-1]], [[2]]]


def test_nothing_runs_again_where_the_time_is_over():
    answers, runs = ask([make(1), make(100)])
    assert [answer.status for answer in answers] == [504, 504]
    assert runs == [[[1], [100]]]


def test_who_does_not_wait_any_longer_disturbs_nobody():
    servable = Double()

    async def run():
        batcher = Batcher(8, LIMITS)
        with ThreadPoolExecutor(1) as threads:
            asked = [
                asyncio.create_task(
                    batcher.answer(servable, make(i), lambda outputs: b"done", threads)
                )
                for i in range(3)
            ]
            await asyncio.sleep(0.02)
            asked[0].cancel()
            asked[1].cancel()
            servable.go.set()
            return await asyncio.gather(*asked, return_exceptions=True)

    answers = asyncio.run(run())
    assert answers[2] == b"done"
    assert [type(answer) for answer in answers[:2]] == [asyncio.CancelledError] * 2


def test_answers_are_those_of_requests_by_themselves(servable):
    bodies = [
        {"instances": ["u3"]},
        {"instances": ["u4", "nobody"]},
        {"inputs": ["u5"]},
        {"signature_name": "recommend", "inputs": columns("u6", 4, [])},
        {"signature_name": "recommend", "inputs": columns("u7", 4, [1])},
        {"signature_name": "recommend", "inputs": columns("u8", 4, [2])},
        {"signature_name": "recommend", "inputs": columns("u9", 3, [2])},
    ] * 3
    texts = [json.dumps(body).encode() for body in bodies]
    expected = [json.loads(predict(servable, text, LIMITS)) for text in texts]

    async def run():
        batcher = Batcher(64, LIMITS)
        with ThreadPoolExecutor(4) as threads:
            answers = []
            for text in texts:
                question = read_question(servable, text, LIMITS)
                finish = lambda outputs, q=question: write_answer(q, outputs)  # noqa: E731
                answers.append(batcher.answer(servable, question, finish, threads))
            return await asyncio.gather(*answers)

    found = [json.loads(answer) for answer in asyncio.run(run())]
    for one, other in zip(found, expected, strict=True):
        (one,), (other,) = one.values(), other.values()
        for row, wanted in zip(as_rows(one), as_rows(other), strict=True):
            assert row["item_id"] == wanted["item_id"]
            assert row["title"] == wanted["title"]
            np.testing.assert_allclose(row["score"], wanted["score"], rtol=1e-5)


def columns(user, k, excluded):
    return {"user_id": [user], "k": k, "exclusions": [excluded]}


def as_rows(answer):
    return answer if isinstance(answer, list) else [answer]


class Lent(Model):
    """Stands for a model with one version, which is used up when it is lent the last time."""

    def __init__(self):
        self.servable, self.closed = Double(), threading.Event()
        self.servable.close = self.closed.set

    @contextlib.contextmanager
    def lease(self, version, close):
        yield 3, self.servable
        close(self.servable)


def test_the_application_joins_where_it_is_told_to():
    app, model = create_app({}, max_batch_size=16), Lent()
    app.service.models = {"m": model}
    rows = [[1]], [[-1]], [[2]], [[3]] * 200, [[4]] * 300
    bodies = [json.dumps({"signature_name": "f", "inputs": {"x": x, "k": 1}}) for x in rows]
    path = "/v1/models/m:predict"

    async def run():
        answers = [asyncio.create_task(ask_app(app, "POST", path, b.encode())) for b in bodies]
        await asyncio.sleep(0.05)
        model.servable.go.set()
        return await asyncio.gather(*answers)

    answers = asyncio.run(run())
    assert [status for status, _, _ in answers] == [200, 400, 200, 200, 400]
    assert json.loads(answers[3][2]) == {"outputs": [[7]] * 200}
    assert any([-1] in run and len(run) > 1 for run in model.servable.runs)
    assert model.closed.wait(5)
    page = app.service.monitor.text(0, {}).splitlines()
    app.service.close()
    for status, count in ((200, 3), (400, 2)):
        line = f':tensorflow:serving:request_count{{model_name="m",status="{status}"}} {count}'
        assert line in page


def test_a_batch_has_rows():
    with pytest.raises(ValueError, match=r"`max_batch_size` must be .*received max_batch_size=0"):
        create_app({}, max_batch_size=0)
