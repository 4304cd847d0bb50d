"""The AUC within users, as a callback of plain `fit`."""

import copy

import numpy as np
import pytest
import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.callbacks import UserAUC
from tfrs_ext.metrics import GAUC


def test_the_logs_hold_the_mean_auc_of_the_users_weighted_by_their_rows():
    score = keras.Input([], name="score")
    user = keras.Input([], dtype=tf.int64, name="user")
    model = keras.Model({"score": score, "user": user}, score)
    model.compile("sgd", "mse")
    columns = {
        "score": np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.9, 0.8, 0.7, 0.6], np.float32),
        "user": np.array([1] * 5 + [2] * 4),
    }
    labels = np.array([1, 0, 1, 1, 0, 1, 0, 0, 1], np.float32)
    validation = tf.data.Dataset.from_tensor_slices((columns, labels)).batch(4)
    watch = UserAUC(validation, "user", GAUC())
    model.fit(validation, verbose=0, callbacks=[watch])
    # User 1 has 4 of 6 pairs in order and 5 rows, user 2 has 2 of 4 pairs and 4 rows.
    expected = (5 * 4 / 6 + 4 * 2 / 4) / 9
    np.testing.assert_allclose(model.history.history["val_gauc"], [expected], rtol=1e-6)


def _model(user_dtype=tf.int64):
    score = keras.Input([], name="score")
    user = keras.Input([], dtype=user_dtype, name="user")
    model = keras.Model({"score": score, "user": user}, score)
    model.compile(keras.optimizers.SGD(0.0), "mse")
    return model


def _rows(users=(1, 2, 3), each=7):
    rng = np.random.default_rng(0)
    columns = {
        "score": rng.permutation(len(users) * each).astype(np.float32) / 100 + 0.1,
        "user": np.repeat(users, each),
    }
    labels = rng.integers(0, 2, len(users) * each).astype(np.float32)
    return columns, labels, rng.uniform(0.5, 2.0, len(labels)).astype(np.float32)


@pytest.mark.parametrize("users", [(1, 2, 3), ("ann", "bob", "eve")])
@pytest.mark.parametrize("weighted", [False, True])
def test_arrays_as_in_fit_give_the_mean_over_users_of_pairs_in_order(users, weighted):
    columns, labels, weights = _rows(users)
    data = (columns, labels, weights) if weighted else (columns, labels)
    weights = weights if weighted else np.ones(len(labels))
    watch = UserAUC(data, "user", batch_size=4)
    model = _model(tf.string if isinstance(users[0], str) else tf.int64)
    history = model.fit(*data[:2], verbose=0, callbacks=[watch]).history
    scores = np.float64(columns["score"])
    total = won = 0.0
    for user in users:
        mine = columns["user"] == user
        pairs = [
            (weights[i] * weights[j], float(scores[i] > scores[j]))
            for i in np.flatnonzero(mine & (labels == 1))
            for j in np.flatnonzero(mine & (labels == 0))
        ]
        if pairs:  # Users of one class have no AUC.
            auc = sum(w * hit for w, hit in pairs) / sum(w for w, _ in pairs)
            won, total = won + weights[mine].sum() * auc, total + weights[mine].sum()
    assert total > 0
    np.testing.assert_allclose(history["val_gauc"], [won / total], rtol=1e-5)


def test_early_stopping_finds_it_between_evaluations_and_evaluate_adds_it():
    columns, labels, _ = _rows()
    model, watch = _model(), UserAUC((columns, labels), "user", every=3, prefix="users_")
    stop = keras.callbacks.EarlyStopping("users_gauc", mode="max", patience=9)
    calls = []
    measure = watch.measure
    watch.measure = lambda: calls.append(len(calls)) or measure()
    options = {"epochs": 6, "verbose": 0, "callbacks": [watch, stop]}
    history = model.fit(columns, labels, **options, validation_data=(columns, labels)).history
    assert len(history["users_gauc"]) == 6
    assert len(calls) == 3  # Epochs 0 and 3, and the last.
    model.evaluate(columns, labels, callbacks=[watch], verbose=0)
    assert len(calls) == 4


def test_copies_for_trials_have_a_metric_of_their_own_on_the_same_data():
    columns, labels, _ = _rows()
    watch = UserAUC((columns, labels), "user", GAUC(num_users=3, average="users", name="auc"))
    twin = copy.deepcopy(watch)
    assert twin.metric is not watch.metric
    assert twin.metric.get_config() == watch.metric.get_config()
    history = _model().fit(columns, labels, verbose=0, callbacks=[twin, watch]).history
    assert history["val_auc"][0] == float(watch.metric.result()) == float(twin.metric.result())


def test_what_does_not_fit_is_named():
    columns, labels, _ = _rows()
    with pytest.raises(ValueError, match="`user_id` must name one of the columns score, user"):
        UserAUC((columns, labels), "member")
    with pytest.raises(ValueError, match=r"`validation_data` must be of \(columns, labels\)"):
        UserAUC((columns["score"], labels), "user")
    with pytest.raises(ValueError, match="`metric` must be a"):
        UserAUC((columns, labels), "user", keras.metrics.AUC())
    with pytest.raises(ValueError, match="`every` must be a positive integer"):
        UserAUC((columns, labels), "user", every=0)
    watch = UserAUC((columns, labels), "user")
    inputs = _model().input
    watch.set_model(keras.Model(inputs, {"click": inputs["score"], "buy": inputs["score"]}))
    with pytest.raises(ValueError, match="must answer with one prediction a row"):
        watch.measure()
