"""Matrix factorization: its steps are those of the articles, by hand in float64."""

import numpy as np
import pytest
import tensorflow as tf

from tests.oracles.losses import sigmoid
from tfrs_ext import losses, models, negatives, tasks
from tfrs_ext._keras import keras
from tfrs_ext.features import Categorical, Numeric

USER, ITEM = Categorical("user", tuple("abcde")), Categorical("item", tuple(range(7)))
CATALOGUE = negatives.Catalogue({"item": np.arange(7)}, "item")
PAIRS = {"user": np.array(list("abcae")), "item": np.array([0, 2, 4, 6, 5])}
RATE, DIM = 0.5, 3


def gradient_of_scores(loss, scores, positive):
    """Returns d loss / d s of one row: scores `[C]` of the catalogue, and the positive's place."""
    others = np.arange(len(scores)) != positive
    gradient = np.zeros_like(scores)
    if loss == "bpr":
        misses = sigmoid(scores[others] - scores[positive]) / others.sum()
        gradient[others], gradient[positive] = misses, -misses.sum()
    elif loss == "softmax":
        odds = np.exp(scores - scores.max())
        gradient = odds / odds.sum() - ~others
    else:
        gradient = (sigmoid(scores) - ~others) / len(scores)
    return gradient


LOSSES = {
    "bpr": losses.BPR(),
    "softmax": losses.FullSoftmax(),
    "pointwise": losses.SampledBinaryCrossEntropy(),
}


@pytest.mark.parametrize("use_bias", [False, True])
@pytest.mark.parametrize("loss", LOSSES)
def test_a_step_is_that_of_the_article_in_float64(loss, use_bias):
    task = tasks.Retrieval(LOSSES[loss], negatives=negatives.WholeCatalogue(CATALOGUE))
    model = models.MatrixFactorization.from_features(
        [USER], [ITEM], task, embedding_dim=DIM, use_bias=use_bias
    )
    rng = np.random.default_rng(1)
    model.set_weights([rng.normal(size=weight.shape) for weight in model.get_weights()])
    users, items = (weight.astype(np.float64) for weight in model.get_weights())

    model.compile(keras.optimizers.SGD(RATE))
    model.train_step({name: tf.constant(column) for name, column in PAIRS.items()})

    p, q = users[:, :DIM], items[1:, :DIM]  # Row 0 is that of unknown ids.
    b, c = (users[:, -1], items[1:, -1]) if use_bias else (np.zeros(6), np.zeros(7))
    steps = [np.zeros_like(part) for part in (p, q, b, c)]
    for name, item in zip(PAIRS["user"], PAIRS["item"], strict=True):
        user = 1 + USER.vocabulary.index(name)
        scores = np.array([p[user] @ q[i] + b[user] + c[i] for i in range(7)])
        by_score = gradient_of_scores(loss, scores, item) / len(PAIRS["user"])
        for i, slope in enumerate(by_score):
            steps[0][user] += slope * q[i]
            steps[1][i] += slope * p[user]
            steps[2][user] += slope
            steps[3][i] += slope
    p, q, b, c = (part - RATE * step for part, step in zip((p, q, b, c), steps, strict=True))
    found_users, found_items = model.get_weights()
    np.testing.assert_allclose(found_users[:, :DIM], p, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found_items[1:, :DIM], q, rtol=1e-4, atol=1e-6)
    if use_bias:
        np.testing.assert_allclose(found_users[:, -1], b, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(found_items[1:, -1], c, rtol=1e-4, atol=1e-6)


def test_ids_come_first_and_other_columns_are_left():
    model = models.MatrixFactorization.from_features([USER, Numeric("age")], [ITEM])
    assert [f.name for f in model.query_model.features] == ["user"]
    missing = models.MatrixFactorization.missing_columns([Numeric("age")], [ITEM])
    assert missing == ["a `Categorical` with the user id first"]


def test_without_a_task_it_takes_the_corrected_softmax_over_the_batch():
    model = models.MatrixFactorization.from_features(
        [USER], [ITEM], item_counts=(np.arange(7), np.arange(1, 8))
    )
    assert isinstance(model.task._loss, losses.CorrectedSampledSoftmax)
    assert model.task._temperature is None
