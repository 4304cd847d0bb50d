"""What all losses keep: values of the oracle by both ways in, gradients, weights, errors."""

import numpy as np
import pytest
import tensorflow as tf

from tests.harness import run_loss_test
from tests.losses.cases import CORRECTED, LOSSES, NONE, batch, expected_rows, tensors
from tfrs_ext.losses import RetrievalLoss

ALL = {**LOSSES, **CORRECTED}
BY_NAME = pytest.mark.parametrize("name", LOSSES)
EVERY = pytest.mark.parametrize("name", ALL)


@EVERY
def test_is_a_keras_loss(name, tmp_path):
    rng = np.random.default_rng(5)
    labels = np.eye(4, 6, dtype=np.float32)
    scores = rng.normal(size=(4, 6)).astype(np.float32)
    run_loss_test(ALL[name][0], labels, scores, tmp_path)


@BY_NAME
@pytest.mark.parametrize("ids", [np.int32, np.int64, str])
def test_per_query_equals_the_oracle(name, ids):
    make, row = LOSSES[name]
    case = batch(ids=ids)
    mask = np.random.default_rng(1).uniform(size=(6, 9)) < 0.8
    weight = np.float32([0, 1, 2, 0.5, 1, 3])
    actual = make().per_query(
        *tensors(case), scale=1.5, mask=tf.constant(mask), sample_weight=tf.constant(weight)
    )
    assert actual.dtype == tf.float32
    if name == "full_product":
        weight = weight > 0  # Relevance: it selects.
    expected = weight * expected_rows(row, *case, scale=1.5, mask=mask)
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)


@BY_NAME
def test_in_batch_the_positives_are_the_pool(name):
    make, row = LOSSES[name]
    queries, positives, _ = batch(rows=7)
    pool = tensors(positives)
    actual = make().per_query(tf.constant(queries), pool, pool)
    expected = expected_rows(row, queries, positives, positives)
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)


@BY_NAME
def test_scores_give_the_same_as_embeddings_in_value_and_gradient(name):
    make, _ = LOSSES[name]
    queries, positives, negatives = tensors(batch(rows=5, size=7))
    loss = make(reduction=NONE)

    def by_scores(queries):
        pool = tf.concat([positives.embeddings, negatives.embeddings], axis=0)
        scores = 2.0 * tf.matmul(queries, pool, transpose_b=True)
        kept = positives.ids[:, None] != negatives.ids[None, :]
        kept = tf.concat([tf.eye(5) > 0, kept], axis=1)
        masked = tf.where(kept, scores, tf.float32.min / 100)  # As TFRS masks.
        return loss(tf.eye(5, 12), masked)

    def by_embeddings(queries):
        return loss.per_query(queries, positives, negatives, scale=2.0)

    results = []
    for rows_of in (by_scores, by_embeddings):
        with tf.GradientTape() as tape:
            tape.watch(queries)
            rows = rows_of(queries)
        results.append((rows, tape.gradient(rows, queries)))
    for actual, expected in zip(*results, strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)


@EVERY
@pytest.mark.parametrize("size", [1.0, 1e4])
def test_extremes_have_finite_values_and_gradients(name, size):
    queries = tf.constant([[1.0], [-1.0], [1.0]])
    _, positives, _ = tensors(batch(rows=3, width=1))
    positives = positives._replace(
        embeddings=size * tf.constant([[1.0], [1.0], [-1.0]]), ids=tf.constant([1, 1, 2])
    )
    with tf.GradientTape() as tape:
        tape.watch([queries, positives.embeddings])
        rows = ALL[name][0]().per_query(queries, positives, positives)
    gradients = tape.gradient(rows, [queries, positives.embeddings])
    assert all(np.all(np.isfinite(tensor)) for tensor in (rows, *gradients))


@EVERY
def test_rows_without_negatives_lose_nothing(name):
    queries, positives, negatives = tensors(batch(rows=3, size=1))
    negatives = negatives._replace(ids=positives.ids[:1])
    positives = positives._replace(ids=tf.tile(positives.ids[:1], [3]))
    with tf.GradientTape() as tape:
        tape.watch(queries)
        rows = ALL[name][0]().per_query(queries, positives, negatives)
    np.testing.assert_array_equal(rows, np.zeros(3))
    np.testing.assert_array_equal(tape.gradient(rows, queries), np.zeros(queries.shape))
    by_scores = ALL[name][0](reduction=NONE)(tf.eye(1, 3), [[1.0, -np.inf, -np.inf]])
    np.testing.assert_array_equal(by_scores, [0.0])


@EVERY
def test_rows_without_a_label_lose_nothing_at_the_seam(name):
    scores = tf.random.normal([2, 3])
    rows = ALL[name][0](reduction=NONE)([[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]], scores)
    assert rows[0] > 0
    assert rows[1] == 0


@EVERY
@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16])
def test_half_precision_embeddings_give_float32_losses(name, dtype):
    case = tensors(batch())
    exact = ALL[name][0]().per_query(*case)
    queries, positives, negatives = case
    rows = ALL[name][0]().per_query(
        tf.cast(queries, dtype),
        positives._replace(embeddings=tf.cast(positives.embeddings, dtype)),
        negatives._replace(embeddings=tf.cast(negatives.embeddings, dtype)),
    )
    assert rows.dtype == tf.float32
    np.testing.assert_allclose(rows, exact, rtol=0.05, atol=0.05)


@EVERY
def test_graph_with_unknown_batch_equals_eager(name):
    loss = ALL[name][0]()
    case = tensors(batch(ids=str))
    signature = tf.nest.map_structure(lambda t: tf.TensorSpec([None, *t.shape[1:]], t.dtype), case)
    graph = tf.function(lambda *arguments: loss.per_query(*arguments), input_signature=signature)
    np.testing.assert_allclose(graph(*case), loss.per_query(*case), rtol=1e-5, atol=1e-6)


def test_base_asks_for_an_objective():
    with pytest.raises(NotImplementedError, match="RetrievalLoss must have the property"):
        RetrievalLoss().per_query(*tensors(batch()))


def _bad(**changes):
    queries, positives, negatives = tensors(batch())
    case = {
        "query_embeddings": queries,
        "positives": positives,
        "negatives": negatives,
    }
    for key, value in changes.items():
        owner, _, field = key.partition("__")
        case[owner] = case[owner]._replace(**{field: value}) if field else value
    return case


BAD = {
    "fewer log Q": (_bad(negatives__log_q=tf.zeros([8])), "`negatives.log_q`"),
    "fewer ids": (_bad(positives__ids=tf.zeros([5], tf.int64)), "`positives.ids`"),
    "log Q not finite": (_bad(positives__log_q=tf.fill([6], -np.inf)), "`positives.log_q`"),
    "log Q of no probability": (_bad(negatives__log_q=tf.fill([9], 0.5)), "`negatives.log_q`"),
    "log Q is integer": (_bad(negatives__log_q=tf.zeros([9], tf.int32)), "`negatives.log_q`"),
    "ids are floats": (_bad(negatives__ids=tf.zeros([9])), "`negatives.ids`"),
    "ids of two types": (_bad(negatives__ids=tf.fill([9], "a")), "`negatives.ids`"),
    "other width": (_bad(negatives__embeddings=tf.zeros([9, 3])), "`negatives.embeddings`"),
    "too few positives": (_bad(query_embeddings=tf.zeros([5, 4])), "`positives.embeddings`"),
    "integer embeddings": (
        _bad(negatives__embeddings=tf.zeros([9, 4], tf.int32)),
        "`negatives.embeddings`",
    ),
    "rank": (_bad(query_embeddings=tf.zeros([6, 2, 2, 4])), "`query_embeddings`"),
    "empty batch": (_bad(query_embeddings=tf.zeros([0, 4])), "`query_embeddings`"),
    "scale": (_bad(scale=0.0), "`scale`"),
    "scale is a vector": (_bad(scale=tf.ones([6])), "`scale`"),
    "mask is a number": (_bad(mask=tf.ones([6, 9])), "`mask`"),
    "mask of other size": (_bad(mask=tf.ones([6, 6], tf.bool)), "`mask`"),
    "negative weight": (_bad(sample_weight=tf.fill([6], -1.0)), "`sample_weight`"),
    "fewer weights": (_bad(sample_weight=tf.ones([5])), "`sample_weight`"),
}


@pytest.mark.parametrize("reason", BAD)
@pytest.mark.parametrize("known_shapes", [True, False])
def test_bad_input_is_an_error_that_names_the_argument(reason, known_shapes):
    arguments, message = BAD[reason]
    loss = LOSSES["sampled_softmax"][0]()
    if known_shapes:
        with pytest.raises((ValueError, tf.errors.InvalidArgumentError), match=message):
            loss.per_query(**arguments)
        return
    arguments = tf.nest.map_structure(tf.convert_to_tensor, arguments)
    signature = tf.nest.map_structure(
        lambda t: tf.TensorSpec([None] * t.shape.rank, t.dtype), arguments
    )
    graph = tf.function(lambda case: loss.per_query(**case), input_signature=[signature])
    with pytest.raises((ValueError, tf.errors.InvalidArgumentError), match=message):
        graph(arguments)
