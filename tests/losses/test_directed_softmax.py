import numpy as np
import pytest
import tensorflow as tf

from tests.losses.cases import NONE, batch, tensors
from tests.oracles.losses import softmax
from tfrs_ext.losses import FullProductSoftmax, InfoNCE
from tfrs_ext.losses.full_product_softmax import DirectedSoftmax

DIRECTIONS = ("query_to_item", "item_to_query", "both")


def expected_rows(queries, positives, negatives, direction, scale):
    """By loops: items look for queries in the batch whose positive is another item."""
    to_item, to_query = [], []
    for i, (query, item) in enumerate(zip(queries, positives.embeddings, strict=True)):
        own = scale * query @ item
        others = [j for j in range(len(negatives.ids)) if negatives.ids[j] != positives.ids[i]]
        to_item.append(softmax(own, [scale * query @ negatives.embeddings[j] for j in others]))
        asking = [j for j in range(len(queries)) if positives.ids[j] != positives.ids[i]]
        to_query.append(softmax(own, [scale * queries[j] @ item for j in asking]))
    rows = {"query_to_item": np.array(to_item), "item_to_query": np.array(to_query)}
    return (
        rows[direction] if direction != "both" else (rows[DIRECTIONS[0]] + rows[DIRECTIONS[1]]) / 2
    )


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_each_direction_equals_the_oracle(direction):
    case = batch(rows=7)
    actual = FullProductSoftmax(direction).per_query(*tensors(case), scale=1.5)
    np.testing.assert_allclose(actual, expected_rows(*case, direction, 1.5), rtol=1e-5)


def test_symmetric_info_nce_is_clips_loss():
    rng = np.random.default_rng(2)
    queries, items = rng.normal(size=(2, 5, 3))
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    items /= np.linalg.norm(items, axis=1, keepdims=True)
    scale = np.exp(2.6593)
    scores = scale * queries @ items.T
    by_row = -np.diag(scores - np.log(np.exp(scores).sum(1, keepdims=True)))
    by_column = -np.diag(scores - np.log(np.exp(scores).sum(0, keepdims=True)))
    pool = tensors(batch(rows=5)[1])._replace(
        embeddings=tf.constant(items, tf.float32), ids=tf.range(5)
    )
    queries = tf.constant(queries, tf.float32)
    actual = InfoNCE(symmetric=True).per_query(queries, pool, pool, scale=scale)
    np.testing.assert_allclose(actual, (by_row + by_column) / 2, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_scores_give_the_same_as_embeddings(direction):
    queries, positives, _ = tensors(batch(rows=7))
    loss = FullProductSoftmax(direction, reduction=NONE)
    scores = tf.matmul(queries, positives.embeddings, transpose_b=True)
    own = tf.eye(7) > 0
    kept = (positives.ids[:, None] != positives.ids) | own
    masked = tf.where(kept, scores, tf.float32.min / 100)
    np.testing.assert_allclose(
        loss(tf.eye(7), masked), loss.per_query(queries, positives, positives), rtol=1e-5
    )


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_relevance_selects_rows_that_stay_negatives_of_others(direction):
    queries, positives, _ = tensors(batch(rows=5, items=100))
    relevance = tf.constant([3.0, 0.0, 1.0, -2.0, 0.5])
    loss = FullProductSoftmax(direction, reduction=NONE)
    every = loss.per_query(queries, positives, positives)
    actual = loss.per_query(queries, positives, positives, sample_weight=relevance)
    np.testing.assert_allclose(actual, every * [1.0, 0.0, 1.0, 0.0, 1.0], rtol=1e-6)
    scores = tf.matmul(queries, positives.embeddings, transpose_b=True)
    at_the_seam = loss(tf.linalg.diag(relevance), scores)
    np.testing.assert_allclose(at_the_seam, actual, rtol=1e-5)


def test_queries_with_the_same_column_are_no_negatives_of_their_item():
    labels = [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
    scores = np.float32([[2.0, 0.5], [1.0, -1.0], [0.3, 0.7]])
    actual = FullProductSoftmax("item_to_query", reduction=NONE)(labels, scores)
    expected = [softmax(2.0, [0.3]), softmax(1.0, [0.3]), softmax(0.7, [0.5, -1.0])]
    np.testing.assert_allclose(actual, expected, rtol=1e-6)


def test_nothing_relevant_is_loss_zero_with_zero_gradient():
    queries, positives, _ = tensors(batch(rows=5))
    with tf.GradientTape() as tape:
        tape.watch(queries)
        rows = FullProductSoftmax().per_query(
            queries, positives, positives, sample_weight=tf.zeros([5])
        )
    np.testing.assert_array_equal(rows, np.zeros(5))
    np.testing.assert_array_equal(tape.gradient(rows, queries), np.zeros(queries.shape))


def test_a_bias_of_minus_log_q_is_the_log_q_correction():
    queries, positives, negatives = tensors(batch())
    plain = FullProductSoftmax("query_to_item")
    corrected = FullProductSoftmax("query_to_item", correction="logq")
    uniform = [c._replace(log_q=tf.fill(c.log_q.shape, -3.0)) for c in (positives, negatives)]
    np.testing.assert_allclose(
        corrected.per_query(queries, *uniform), plain.per_query(queries, *uniform), rtol=1e-5
    )
    actual = corrected.per_query(queries, positives, negatives)
    rows = []
    for i in range(6):
        others = np.flatnonzero(negatives.ids != positives.ids[i])
        s_d = negatives.embeddings.numpy()[others] @ queries[i].numpy()
        s_p = queries[i].numpy() @ positives.embeddings[i].numpy() - positives.log_q[i].numpy()
        rows.append(softmax(s_p, s_d - negatives.log_q.numpy()[others]))
    np.testing.assert_allclose(actual, rows, rtol=1e-5)


def test_rejects_a_mask_where_queries_are_the_negatives():
    queries, positives, _ = tensors(batch(rows=3))
    mask = tf.ones([3, 3], tf.bool)
    InfoNCE().per_query(queries, positives, positives, mask=mask)
    with pytest.raises(ValueError, match="`mask` must be None"):
        InfoNCE(symmetric=True).per_query(queries, positives, positives, mask=mask)


def test_rejects_unknown_directions():
    with pytest.raises(ValueError, match="`direction` must be one of"):
        FullProductSoftmax("up")


def test_configuration_names_the_arguments_only():
    assert InfoNCE(symmetric=True).get_config() == {
        "reduction": "auto",
        "name": "info_nce",
        "symmetric": True,
    }
    assert isinstance(
        FullProductSoftmax.from_config(FullProductSoftmax().get_config()), DirectedSoftmax
    )
