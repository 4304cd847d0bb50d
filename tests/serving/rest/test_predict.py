"""Bodies against a version in a session, without the network between."""

import contextlib
import json

import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies as st

from tests.serving.rest.test_tensors import JSON
from tfrs_ext.serving.rest import Limits, Servable
from tfrs_ext.serving.rest.errors import RequestError
from tfrs_ext.serving.rest.predict import predict

LIMITS = Limits(rows=8, k=30)


def ask(servable, body):
    return json.loads(predict(servable, json.dumps(body).encode(), LIMITS))


def titles(rows):
    return [[f"Titel {i}" for i in row] for row in rows]


def test_rows_are_answered_with_rows(servable, version):
    (named,) = ask(servable, {"instances": [{"user_id": "u3"}]})["predictions"]
    assert set(named) == {"item_id", "score", "title"}
    assert len(named["item_id"]) == len(named["score"]) == 6
    assert named["title"] == titles([named["item_id"]])[0]
    assert ask(servable, {"instances": ["u3"]})["predictions"] == [named]
    assert ask(servable, {"instances": [{"b64": "dTM="}]})["predictions"] == [named]


def test_columns_are_answered_with_columns(servable):
    inputs = {"user_id": ["u3", "u9"], "k": 4, "exclusions": [[-1, -1], [0, 3]]}
    found = ask(servable, {"signature_name": "recommend", "inputs": inputs})["outputs"]
    assert np.shape(found["score"]) == (2, 4)
    assert found["title"] == titles(found["item_id"])
    assert not {0, 3} & set(found["item_id"][1])


def test_an_only_output_bears_no_name(servable, published):
    features = {name: values[:2].tolist() for name, values in published.users.items()}
    body = {"signature_name": "embed_user", "inputs": features}
    assert np.shape(ask(servable, body)["outputs"]) == (2, 8)
    rows = [{name: values[row] for name, values in features.items()} for row in range(2)]
    body = {"signature_name": "embed_user", "instances": rows}
    assert (
        ask(servable, body)["predictions"]
        == ask(servable, {"signature_name": "embed_user", "inputs": features})["outputs"]
    )


def test_no_rows_are_answered_with_none(servable):
    assert ask(servable, {"instances": []}) == {"predictions": []}
    assert ask(servable, {"inputs": []})["outputs"]["item_id"] == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({}, "either `instances`"),
        ([], "must be an object"),
        ({"instances": ["u1"], "inputs": ["u1"]}, "either `instances`"),
        ({"instances": ["u1"], "model": "x"}, "keys among"),
        ({"instances": "u1"}, "must be a list of rows"),
        ({"instances": [{"user": "u1"}]}, r"an object with \['user_id'\]"),
        ({"instances": [{"user_id": "u1"}, "u2"]}, r"an object with \['user_id'\]"),
        ({"inputs": {"user": ["u1"]}}, r"must be \['user_id'\], received \['user'\]"),
        ({"inputs": 5}, "rank 1, received less"),
        ({"instances": ["u1"] * 9}, "at most 8 rows, received {'user_id': 9}"),
        ({"instances": [], "signature_name": "nothing"}, "must be one of .*received 'nothing'"),
        ({"instances": [], "signature_name": ["x"]}, r"received \['x'\]"),
        ({"instances": ["u1"], "signature_name": "recommend"}, r"can't carry \['k'\]"),
    ],
)
def test_malformed_bodies_are_refused_with_the_reason(servable, body, reason):
    with pytest.raises(RequestError, match=reason):
        ask(servable, body)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b'{"inputs": ' + b"9" * 5000])
def test_what_is_no_json_is_refused(servable, body):
    with pytest.raises(RequestError, match="must be JSON"):
        predict(servable, body, LIMITS)


@pytest.mark.parametrize("k", [0, -1, 31, 2**31 - 1])
def test_k_beyond_the_limit_is_refused(servable, k):
    inputs = {"user_id": ["u1"], "k": k, "exclusions": [[]]}
    with pytest.raises(RequestError, match=f"`k` must be from 1 to 30, received {k}"):
        ask(servable, {"signature_name": "recommend", "inputs": inputs})


def test_an_input_of_too_many_values_is_refused(servable):
    inputs = {"user_id": ["u1"] * 4, "k": 3, "exclusions": [[0] * 11] * 4}
    body = json.dumps({"signature_name": "recommend", "inputs": inputs}).encode()
    with pytest.raises(RequestError, match="'exclusions' must have at most 40 values, received 44"):
        predict(servable, body, Limits(values=40))


def test_an_answer_that_takes_too_long_is_ended(tmp_path):
    def count(steps):
        start = (tf.constant(0, tf.int64),)
        return {"sum": tf.while_loop(lambda i: i < steps, lambda i: (i + 1,), start)[0]}

    module, steps = tf.Module(), tf.TensorSpec([], tf.int64, name="steps")
    module.count = tf.function(count).get_concrete_function(steps)
    tf.saved_model.save(module, str(tmp_path), signatures=module.count)
    servable = Servable(tmp_path)
    assert predict(servable, b'{"inputs": 3}', Limits(answer_seconds=60)) == b'{"outputs":3}'
    with pytest.raises(RequestError, match=r"took over 0\.1 seconds: ask for less") as refused:
        predict(servable, b'{"inputs": 1000000000000}', Limits(answer_seconds=0.1))
    assert refused.value.status == 504
    servable.close()


def test_columns_of_different_lengths_are_refused(servable):
    inputs = {"user_id": ["u1", "u2"], "k": 3, "exclusions": [[]]}
    with pytest.raises(RequestError, match="as many rows"):
        ask(servable, {"signature_name": "recommend", "inputs": inputs})


@hypothesis.settings(max_examples=200, deadline=None)
@hypothesis.given(
    signature=st.sampled_from(["recommend", "recommend_filtered"]),
    users=st.lists(st.sampled_from(["u0", "u1", "u59", "nobody", ""]), max_size=5),
    k=st.integers(1, 30),
    width=st.integers(0, 4),
    data=st.data(),
)
def test_every_request_that_fits_has_a_right_answer(
    servable, published, signature, users, k, width, data
):
    ids = st.sampled_from([*published.item_ids.tolist(), -1, 10**12])
    tags = st.sampled_from(["odd", "even", "by 3", "", "no such tag"])

    def rows(element):
        row = st.lists(element, min_size=width, max_size=width)
        return [data.draw(row) for _ in users]

    inputs = {"user_id": users, "k": k, "exclusions": rows(ids)}
    if signature == "recommend_filtered":
        inputs.update(allow=rows(tags), deny=rows(tags), candidates=rows(ids))
    found = ask(servable, {"signature_name": signature, "inputs": inputs})["outputs"]
    assert len(found["item_id"]) == len(users)
    for row, user in enumerate(users):
        if user.startswith("u"):
            allow = set(inputs.get("allow", rows(st.just("")))[row]) - {""}
            deny = set(inputs.get("deny", rows(st.just("")))[row]) - {""}

            def passes(bears, allow=allow, deny=deny):
                return (not allow or allow & set(bears)) and not deny & set(bears)

            excluded = inputs["exclusions"][row]
            listed = set(inputs.get("candidates", rows(st.just(-1)))[row]) - {-1}
            (order,) = published.expected([user], 40, excluded, passes)
            expected = [item for item in order if not listed or item in listed][:k]
            assert [i for i in found["item_id"][row] if i != -1] == expected


@hypothesis.settings(max_examples=200, deadline=None)
@hypothesis.given(
    signature=st.sampled_from(["serving_default", "recommend", "embed_user", "similar_items"]),
    value=JSON,
    name=st.sampled_from(["user_id", "k", "exclusions", "history", "item_id"]),
    key=st.sampled_from(["inputs", "instances"]),
    whole=st.booleans(),
)
def test_any_json_is_answered_or_refused(servable, signature, value, name, key, whole):
    right = {"user_id": ["u1"], "k": 3, "exclusions": [[]], "history": [[-1] * 5], "item_id": [0]}
    inputs = {n: right[n] for n in servable.inputs[signature]}
    values = value if whole else {**inputs, name: value}
    with contextlib.suppress(RequestError):
        ask(servable, {"signature_name": signature, key: values})
