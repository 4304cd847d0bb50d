"""PerQuery: a few rows for each query, drawn fairly, and what the loss makes of them."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.negatives.ask import draw
from tfrs_ext import frequencies, losses, negatives, tasks
from tfrs_ext.negatives import PerQuery


def mask_of(source, ids, **context):
    positives = (tf.zeros([len(ids), 3]), tf.constant(ids))
    return draw(source, positives, **context).mask.numpy()


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=9), st.integers(1, 6))
def test_each_query_keeps_as_many_as_there_are_and_no_positive(ids, count):
    known = np.array([[(i + 1) % 6, -1] for i in ids])
    mask = mask_of(PerQuery(count, seed=1), ids, known_positives=tf.constant(known))
    rows = list(zip(ids, known, strict=True))
    negative = np.array([[j != i and j not in row for j in ids] for i, row in rows])
    assert not (mask & ~negative).any()
    np.testing.assert_array_equal(mask.sum(axis=1), np.minimum(count, negative.sum(axis=1)))


def test_every_pair_of_rows_is_drawn_as_often():
    source = PerQuery(2, negatives.WholeCatalogue([0, 1, 2, 3, 4]), seed=5)
    embed = lambda ids: tf.zeros([5, 3])  # noqa: E731
    draws = mask_of(source, [4] * 2000, candidate_model=embed)[:, :4].astype(int)
    together = draws.T @ draws / 2000
    np.testing.assert_allclose(np.diag(together), 1 / 2, atol=0.045)  # 4 standard deviations.
    np.testing.assert_allclose(together[~np.eye(4, dtype=bool)], 1 / 6, atol=0.034)


def test_draws_follow_the_seed_and_the_counter():
    ids = list(range(40))
    one, two = PerQuery(3, seed=7), PerQuery(3, seed=7)
    first, second = mask_of(one, ids, training=True), mask_of(one, ids, training=True)
    assert (first != second).any()
    np.testing.assert_array_equal(mask_of(two, ids, training=True), first)
    resumed = PerQuery.from_config(one.get_config())
    resumed.set_weights(two.get_weights())
    np.testing.assert_array_equal(mask_of(resumed, ids, training=True), second)
    still = [mask_of(one, ids, training=False) for _ in range(2)]
    np.testing.assert_array_equal(*still)


@pytest.mark.parametrize("removes", [True, False])
def test_the_loss_is_the_softmax_over_the_positive_and_what_was_kept(removes):
    rng = np.random.default_rng(3)
    queries, items = rng.normal(size=(2, 6, 4)).astype(np.float32)
    ids = np.array([1, 2, 3, 1, 5, 6])
    source = PerQuery(2, seed=9)
    task = tasks.Retrieval(
        losses.SampledSoftmax(),
        temperature=0.5,
        negatives=source,
        remove_accidental_hits=removes,
    )
    found = task(queries, items, candidate_ids=ids, training=False)
    mask = mask_of(source, ids, training=False)
    scores = queries.astype(np.float64) @ items.T / 0.5
    kept = np.where(mask, np.exp(scores), 0.0).sum(axis=1)
    positive = np.diag(scores)
    expected = np.mean(np.log(np.exp(positive) + kept) - positive)
    assert float(found) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    "outer",
    [
        lambda inner: negatives.Mixed([inner]),
        lambda inner: negatives.Hard(1, inner),
        lambda inner: negatives.MemoryQueue(4, 3, inner),
        lambda inner: negatives.CrossReplica(inner),
        lambda inner: PerQuery(1, inner),
    ],
)
def test_no_other_source_can_go_on_with_it(outer):
    with pytest.raises(ValueError, match="received PerQuery: let it be the outermost source"):
        mask_of(outer(PerQuery(1)), [1, 2])


def test_a_loss_that_counts_the_pool_refuses_it():
    frequency = frequencies.CountedFrequency([1, 2], [1, 1])
    source = PerQuery(1, negatives.InBatch(frequency))
    task = tasks.Retrieval(losses.CorrectedSampledSoftmax(), negatives=source)
    with pytest.raises(ValueError, match="must give rows that all queries share for Corrected"):
        task(tf.eye(2), tf.eye(2), candidate_ids=[1, 2])


def test_it_needs_a_negative_to_keep():
    with pytest.raises(ValueError, match="`num_negatives` must be ≥ 1"):
        PerQuery(0)
