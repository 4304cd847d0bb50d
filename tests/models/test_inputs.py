"""Models read columns as Keras hands them over, whoever brought them, and as they came."""

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from tfrs_ext import models
from tfrs_ext._keras import keras
from tfrs_ext.features import (
    Categorical,
    FeatureEncoder,
    History,
    Numeric,
    Text,
    Timestamp,
    Vector,
    example_inputs,
)

QUERY = [Categorical("user", ("a", "b")), Numeric("age", 30.0, 10.0), History("past", (7, 8), 2)]
CANDIDATE = [Categorical("item", (7, 8)), Text("title", ("red",)), Timestamp("made", 0, 9)]
ROWS = {
    "user": np.array(["a", "b", "?"], object),
    "age": np.array([20.0, 30.0, 40.0]),
    "past": np.array([[-1, 7], [7, 8], [-1, -1]]),
    "item": np.array([7, 8, 7]),
    "title": np.array(["red hat", "blue hat", ""], object),
    "made": np.array([3, 5, 9]),
}
LABELS, WEIGHTS = np.array([1.0, 0.0, 1.0]), np.array([1.0, 2.0, 0.5])
MAKERS = {
    "tower": lambda: models.Tower(QUERY, 4, ()),
    "two_tower": lambda: models.TwoTower.from_features(
        QUERY, CANDIDATE, embedding_dim=4, hidden_units=(), known_positives="past"
    ),
    "dcn": lambda: models.DCN([*QUERY, *CANDIDATE], embedding_dim=4, hidden_units=(4,)),
    "din": lambda: models.DIN([*QUERY, *CANDIDATE], "item", embedding_dim=4, hidden_units=(4,)),
}
FORMS = {
    "series": lambda rows: {k: pd.Series(v) if v.ndim == 1 else v for k, v in rows.items()},
    "arrays": dict,
    "columns": lambda rows: {k: v[:, None] if v.ndim == 1 else v for k, v in rows.items()},
}


@pytest.fixture(scope="module", params=MAKERS)
def model(request):
    return MAKERS[request.param]()


@pytest.fixture(scope="module")
def expected(model):
    return model({name: tf.constant(values) for name, values in ROWS.items()}).numpy()


@pytest.mark.parametrize("form", FORMS)
def test_predictions_are_the_same_in_every_form(model, expected, form):
    rows = FORMS[form](ROWS)
    np.testing.assert_allclose(model(rows), expected, rtol=1e-5)
    np.testing.assert_allclose(model.predict(rows, verbose=0), expected, rtol=1e-5)
    dataset = tf.data.Dataset.from_tensor_slices(rows).batch(2)
    np.testing.assert_allclose(model.predict(dataset, verbose=0), expected, rtol=1e-5)


def test_columns_of_unknown_rank_are_read_too(model, expected):
    spec = {k: tf.TensorSpec(None, tf.as_dtype(v.dtype)) for k, v in ROWS.items()}
    for form in ("arrays", "columns"):
        call = tf.function(model.call, input_signature=[spec])
        np.testing.assert_allclose(call(FORMS[form](ROWS)), expected, rtol=1e-5)


def test_a_frame_is_a_mapping_of_columns():
    rows = pd.DataFrame({name: ROWS[name] for name in ("item", "title", "made")})
    tower = models.Tower(CANDIDATE, 4, ())
    np.testing.assert_array_equal(tower(rows), tower(dict(ROWS)))


def test_what_is_no_mapping_is_refused():
    with pytest.raises(ValueError, match=r"`inputs` must be a mapping .*received a tensor.*dict\("):
        models.Tower(CANDIDATE, 4, ())(tf.ones([2, 3]))


def test_two_towers_and_tasks_learn_the_same_from_every_form():
    two_tower = MAKERS["two_tower"]()
    both = models.MultiTask(two_tower, {"label": keras.layers.Dense(1, "sigmoid")})
    for model in (two_tower, both):
        model.compile("sgd", run_eagerly=True)
        rows = {**ROWS, "label": LABELS, "sample_weight": WEIGHTS}
        tensors = {name: tf.constant(values) for name, values in rows.items()}
        expected = model.test_on_batch(tf.data.Dataset.from_tensors(tensors).get_single_element())
        for make in FORMS.values():
            np.testing.assert_allclose(model.test_on_batch(make(rows)), expected, rtol=1e-5)
        model.train_on_batch(FORMS["columns"](rows))
        if model is two_tower:
            del rows["sample_weight"]
            changed = model.test_on_batch({**rows, "sample_weight": WEIGHTS})
            dataset = tf.data.Dataset.from_tensors((rows, LABELS, WEIGHTS))
            np.testing.assert_allclose(model.evaluate(dataset, verbose=0), changed, rtol=1e-5)


def test_numbers_are_standardised_before_they_are_rounded():
    feature = Numeric("income", 1e6, 1e5)
    rows = {"income": np.float32([1.2e6, 9e5]), "made": np.int64([1995, 2001])}
    year = Numeric("year", 1986.0, 17.0)
    for policy in ("mixed_float16", "mixed_bfloat16"):
        keras.mixed_precision.set_global_policy(policy)
        try:
            encoded = FeatureEncoder([feature])(rows)
            tower = models.Tower([year, Vector("v", 1, (2000.0,))], 4, ())
            years = {"year": np.float32([1995, 1996, 2001]), "v": np.float32([[2001.0]] * 3)}
            seen = tower.encoder(years)
            dcn = models.DCN([feature, CANDIDATE[0]], embedding_dim=4, hidden_units=(4,))
            ranked = dcn({**rows, "item": np.int64([7, 8])})
            ranker = models.YouTubeRanker(
                [Numeric("income", 1e6, 1e5, (8e5, 1e6, 2e6)), CANDIDATE[0]], 4, hidden_units=(4,)
            )
            watched = ranker({**rows, "item": np.int64([7, 8])})
            hidden = ranker.powers[0](tf.constant(rows["income"]))
        finally:
            keras.mixed_precision.set_global_policy("float32")
        np.testing.assert_allclose(tf.cast(encoded, tf.float32), [[2.0], [-1.0]], rtol=1e-2)
        np.testing.assert_allclose(
            tf.cast(seen[:, 0], tf.float32), [0.529, 0.588, 0.882], rtol=1e-2
        )
        assert np.isfinite(ranked).all()
        assert np.isfinite(watched).all()
        np.testing.assert_allclose(tf.cast(hidden[:, 0], tf.float32), [0.6, 0.25], rtol=1e-2)


@pytest.mark.parametrize("kind", ["dcn", "youtube"])
def test_a_number_that_is_missing_is_the_mean(kind):
    features = [Numeric("income", 5.0, 2.0, (1.0, 5.0, 9.0)), CANDIDATE[0]]
    make = models.DCN if kind == "dcn" else models.YouTubeRanker
    model = make(features, embedding_dim=4, hidden_units=(4,))
    nan, mean, other = model({"income": np.float32([np.nan, 5, 9]), "item": np.int64([7, 7, 7])})
    np.testing.assert_array_equal(nan, mean)
    assert np.any(mean != other)


def test_a_ranker_of_numbers_takes_names_that_graphs_refuse():
    features = [Numeric("release year", quantiles=(0.0, 5.0)), CANDIDATE[0]]
    model = models.YouTubeRanker(features, 4, (4,))
    rows = {"release year": np.float32([1, 4]), "item": np.int64([7, 8])}
    np.testing.assert_allclose(model.predict(rows, verbose=0), model(rows), rtol=1e-6)


def test_example_inputs_have_every_column():
    assert list(example_inputs([*QUERY, *CANDIDATE])) == list(ROWS)
