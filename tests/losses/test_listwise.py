"""Losses over whole lists, against loops."""

import numpy as np
import pytest
import tensorflow as tf

from tests.harness import run_loss_test
from tests.oracles import listwise as oracle
from tfrs_ext import tasks
from tfrs_ext._keras import keras
from tfrs_ext.losses import LambdaLoss, ListSoftmax, ListwiseLoss

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 4, (6, 5)).astype(np.float32)
SCORES = RNG.normal(0, 2, (6, 5)).astype(np.float32)
PADDED = LABELS.copy()
PADDED[0, 3:], PADDED[1, 1], PADDED[2] = -1, np.nan, -1

LOSSES = {
    "share": (ListSoftmax, {}, oracle.list_softmax),
    "ListNet": (ListSoftmax, {"target": "softmax"}, oracle.list_softmax),
    **{
        name: (LambdaLoss, {"weighting": name, "sigma": 0.7, "mu": 3.0}, oracle.lambda_loss)
        for name in ("lambdarank", "ndcg_loss2", "ndcg_loss2++")
    },
}


@pytest.fixture(params=list(LOSSES))
def kind(request):
    return LOSSES[request.param]


def test_is_a_keras_loss(kind, tmp_path):
    make, options, _ = kind
    assert issubclass(make, ListwiseLoss)
    run_loss_test(lambda **more: make(**options, **more), LABELS, SCORES, tmp_path)


def test_equals_the_loops_whatever_is_no_item(kind):
    make, options, loop = kind
    expected = [loop(y, s, **options) for y, s in zip(PADDED, SCORES, strict=True)]
    assert expected[2] == 0
    loss = make(**options, reduction="none")
    np.testing.assert_allclose(loss(PADDED, SCORES), expected, rtol=1e-5, atol=1e-7)
    # What stands in places without an item doesn't matter.
    other = np.where(PADDED >= 0, SCORES, 1e9).astype(np.float32)
    np.testing.assert_allclose(loss(PADDED, other[..., None]), expected, rtol=1e-5, atol=1e-7)


def test_ragged_lists_are_lists_of_their_own_lengths(kind):
    make, options, loop = kind
    lengths = [5, 3, 0, 1]
    labels, scores = (
        tf.RaggedTensor.from_row_lengths(tf.constant(values.reshape(-1)[:9]), lengths)
        for values in (LABELS, SCORES)
    )
    expected = [
        loop(y, s, **options) for y, s in zip(labels.to_list(), scores.to_list(), strict=True)
    ]
    loss = make(**options, reduction="none")
    np.testing.assert_allclose(loss(labels, scores), expected, rtol=1e-5, atol=1e-7)
    graph = tf.function(make(**options))
    np.testing.assert_allclose(graph(labels, scores), np.mean(expected), rtol=1e-5)
    with pytest.raises(ValueError, match="received a ragged `y_true` alone"):
        loss(labels, scores.to_tensor())


def test_the_gradient_is_that_of_small_steps(kind):
    make, options, loop = kind
    scores = tf.Variable(SCORES)
    with tf.GradientTape() as tape:
        loss = make(**options, reduction="sum")(PADDED, scores)
    gradient = tape.gradient(loss, scores).numpy()
    assert not gradient[np.isnan(PADDED) | (PADDED < 0)].any()
    if make is ListSoftmax:  # LambdaLoss has no gradient through its weights.
        for row, item in ((0, 1), (1, 0), (3, 2)):
            ends = [np.float64(SCORES[row]), np.float64(SCORES[row])]
            ends[0][item] += 1e-5
            ends[1][item] -= 1e-5
            up, down = (loop(np.float64(PADDED[row]), end, **options) for end in ends)
            np.testing.assert_allclose(gradient[row, item], (up - down) / 2e-5, rtol=1e-3)


@pytest.mark.parametrize("scale", [0.0, 1e4, 1e30])
def test_extreme_scores_give_finite_losses_and_gradients(kind, scale):
    make, options, _ = kind
    scores = tf.Variable(scale * SCORES)
    with tf.GradientTape() as tape:
        loss = make(**options)(PADDED, scores)
    assert np.isfinite(loss)
    assert np.isfinite(tape.gradient(loss, scores)).all()


def test_lambda_rank_learns_an_order():
    scores = tf.Variable(SCORES)
    optimizer = keras.optimizers.Adam(0.1)
    for _ in range(200):
        optimizer.minimize(lambda: LambdaLoss()(LABELS, scores), [scores])
    for labels, learnt in zip(LABELS, scores.numpy(), strict=True):
        assert np.all(np.diff(labels[np.argsort(-learnt)]) <= 0)


@pytest.mark.parametrize("is_ragged", [False, True])
def test_the_task_takes_lists(kind, is_ragged):
    # TFRS's tutorial on ranking lists: labels [B, L] and scores [B, L] in a ranking task.
    make, options, loop = kind
    labels, scores = LABELS, SCORES
    if is_ragged:
        lengths = [5, 4, 3, 2, 1, 5]
        labels, scores = (tf.RaggedTensor.from_tensor(v, lengths) for v in (LABELS, SCORES))
    rows = zip(*(v.to_list() if is_ragged else v.tolist() for v in (labels, scores)), strict=True)
    expected = np.mean([loop(y, s, **options) for y, s in rows])
    np.testing.assert_allclose(tasks.Ranking(make(**options))(labels, scores), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ListSoftmax("sum"), "`target` must be one of"),
        (lambda: LambdaLoss("ndcg"), "`weighting` must be one of"),
        (lambda: LambdaLoss(sigma=0), "`sigma` must be positive"),
        (lambda: ListSoftmax()(LABELS, SCORES[:, :3]), "lists .* of the same items"),
    ],
)
def test_rejects_bad_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()
