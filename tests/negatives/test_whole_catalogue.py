"""Every item as a negative: the full softmax, value and gradient."""

import numpy as np
import tensorflow as tf

from tests.negatives import tower
from tfrs_ext import losses, negatives, tasks


def test_the_full_softmax_over_it_is_the_cross_entropy_of_the_catalogue():
    table, queries = tower.table(), tf.Variable(tf.random.stateless_normal([3, 4], [1, 2]))
    ids = tf.constant([3, 8, 3], tf.int64)
    source = negatives.WholeCatalogue(np.arange(tower.ITEMS)[::-1])
    task = tasks.Retrieval(losses.FullSoftmax(), temperature=0.5, negatives=source)
    with tf.GradientTape(persistent=True) as tape:
        loss = task(
            queries,
            tf.gather(table, ids),
            candidate_ids=ids,
            candidate_model=tower.tower_of(table),
            training=True,
        )
        scores = tf.matmul(queries, table, transpose_b=True) / 0.5
        expected = tf.reduce_mean(
            tf.nn.sparse_softmax_cross_entropy_with_logits(labels=ids, logits=scores)
        )
    np.testing.assert_allclose(loss, expected, rtol=1e-5)
    for variable in (queries, table):
        ours, theirs = (tape.gradient(value, variable) for value in (loss, expected))
        np.testing.assert_allclose(
            tf.convert_to_tensor(ours), tf.convert_to_tensor(theirs), rtol=1e-4, atol=1e-6
        )
