"""Pandas frames in Keras's methods, and labels that a model that ranks can't learn from."""

import functools

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from tfrs_ext import models
from tfrs_ext._keras import keras
from tfrs_ext.features import (
    Categorical,
    History,
    Numeric,
    Timestamp,
    array_of_column,
    arrays_of_frame,
)

USER, ITEM = Categorical("user", ("a", "b")), Categorical("item", (7, 8))
QUERY = [USER, Numeric("age", 30.0, 10.0), History("past", (7, 8), 2), Timestamp("at", 0, 9)]
FRAME = pd.DataFrame(
    {
        "user": ["a", "b", None, "a"],
        "age": pd.array([20, 30, None, 40], "Int64"),
        "past": [[7], [7, 8], [], [8, 7, 7]],
        "at": pd.to_datetime([1, 5, 9, 9], unit="s"),
        "item": [7, 8, 7, 8],
        "clicked": [True, False, True, True],
        "weight": [1.0, 2.0, 0.5, 3.0],
    },
    index=[3, 1, 1, 0],
)
ARRAYS = {
    "user": np.array(["a", "b", "", "a"]),
    "age": np.float32([20, 30, 30, 40]),
    "past": np.array([[-1, 7], [7, 8], [-1, -1], [7, 7]]),
    "at": np.array([1, 5, 9, 9]),
    "item": np.array([7, 8, 7, 8]),
}
LABELS, WEIGHTS = np.float32([1, 0, 1, 1]), np.float32([1, 2, 0.5, 3])


def make_ranker():
    tf.keras.utils.set_random_seed(1)
    model = models.DCN([*QUERY, ITEM], 4, 1, (4,))
    model.compile("sgd", "binary_crossentropy")
    return model


def make_retriever():
    tf.keras.utils.set_random_seed(1)
    model = models.TwoTower.from_features(QUERY, [ITEM], embedding_dim=4, hidden_units=())
    model.compile("sgd")
    return model


def weights_after(model):
    return np.concatenate([w.ravel() for w in model.get_weights()])


def test_a_ranker_takes_frames_with_labels_and_weights():
    ours, theirs = make_ranker(), make_ranker()
    np.testing.assert_allclose(ours.predict(FRAME, verbose=0), theirs(ARRAYS), rtol=1e-5)
    rows = {"sample_weight": FRAME["weight"], "verbose": 0, "shuffle": False}
    held_out = (FRAME, FRAME["clicked"], FRAME["weight"])
    log = ours.fit(FRAME, FRAME["clicked"], validation_data=held_out, **rows).history
    plain = {"sample_weight": WEIGHTS, "verbose": 0, "shuffle": False}
    expected = theirs.fit(ARRAYS, LABELS, validation_data=(ARRAYS, LABELS, WEIGHTS), **plain)
    for name, values in expected.history.items():
        np.testing.assert_allclose(log[name], values, rtol=1e-5)
    np.testing.assert_allclose(weights_after(ours), weights_after(theirs), rtol=1e-5)
    found = ours.evaluate(FRAME, FRAME[["clicked"]], sample_weight=FRAME["weight"], verbose=0)
    np.testing.assert_allclose(
        found, theirs.evaluate(ARRAYS, LABELS, sample_weight=WEIGHTS, verbose=0), rtol=1e-5
    )


@pytest.mark.slow
def test_a_retriever_takes_frames_with_weights():
    ours, theirs, unweighted = make_retriever(), make_retriever(), make_retriever()
    np.testing.assert_allclose(ours.predict(FRAME, verbose=0), theirs(ARRAYS), rtol=1e-5)
    held_out = (FRAME, None, FRAME["weight"])
    log = ours.fit(FRAME, sample_weight=FRAME["weight"], validation_data=held_out, verbose=0)
    whole = {**ARRAYS, "sample_weight": WEIGHTS}
    expected = theirs.fit(whole, validation_data=(whole,), verbose=0)
    for name, values in expected.history.items():
        np.testing.assert_allclose(log.history[name], values, rtol=1e-5)
    unweighted.fit(FRAME, validation_data=FRAME, verbose=0)
    assert np.any(weights_after(unweighted) != weights_after(ours))


def test_columns_become_arrays_without_pandas_types():
    assert list(arrays_of_frame(FRAME)) == list(FRAME)
    dates = pd.Series(pd.to_datetime(["1970-01-01 00:00:05", None]))
    np.testing.assert_array_equal(array_of_column(dates), [5, np.nan])
    assert array_of_column(pd.Series([1, 2], dtype="Int32")).dtype == np.int32
    assert array_of_column(pd.Series(["a", "b"], dtype="category")).tolist() == ["a", "b"]
    assert array_of_column(pd.Series([[1, 2], [3, 4]])).tolist() == [[1, 2], [3, 4]]


BAD = [
    (["buy", "view", "buy", "view"], r"`y` must be labels that are numbers .* received 'buy'"),
    (np.float32([1, 5, 3, 2]), r"labels in \[0, 1\], .* received 1 to 5\. Make labels of"),
    (np.array([1, 5, 3, 2]), r"received 1 to 5\. Make labels of them"),
    (np.float32([1, np.nan, 0, 1]), "label for each row, received NaN in 1 of 4, first in row 1"),
]


@pytest.fixture(scope="module")
def ranker():
    return make_ranker()


def test_mappings_of_series_are_read_in_the_validation_too(ranker, monkeypatch):
    given = {}

    @functools.wraps(keras.Model.fit)
    def fit(self, *arguments, **options):
        given.update(options)

    monkeypatch.setattr(keras.Model, "fit", fit)
    held_out = {**{name: FRAME[name] for name in FRAME}, "clicked": FRAME["clicked"]}
    ranker.fit(FRAME, FRAME["clicked"], validation_data=held_out)
    columns = given["validation_data"][0]
    assert not any(isinstance(column, pd.Series) for column in columns.values())


WAYS = [("fit", "array"), ("evaluate", "series"), ("fit", "dataset"), ("fit", "validation")]


@pytest.mark.parametrize(("labels", "message"), BAD)
@pytest.mark.parametrize(("method", "form"), WAYS)
def test_labels_that_teach_nothing_are_refused_in_one_line(ranker, labels, message, method, form):
    labels = np.array(labels)
    if form == "dataset":
        if np.any(labels != labels):
            return  # A loss of NaN tells of it.
        message = message.replace("received 'buy'", "received strings")
        arguments = (tf.data.Dataset.from_tensor_slices((ARRAYS, labels)).batch(4),)
    elif form == "validation":
        arguments = (ARRAYS, LABELS)
    else:
        arguments = (ARRAYS, pd.Series(labels) if form == "series" else labels)
    options = {"validation_data": (ARRAYS, labels)} if form == "validation" else {}
    with pytest.raises(ValueError, match=message) as refused:
        getattr(ranker, method)(*arguments, verbose=0, **options)
    assert "\n" not in str(refused.value)
