"""The stated Q does what it is for: corrected logQ over any source learns the full softmax."""

import numpy as np
import pytest
import tensorflow as tf

from tests.negatives.ask import draw
from tfrs_ext.candidates import Candidates
from tfrs_ext.frequencies import CountedFrequency
from tfrs_ext.losses import CorrectedSampledSoftmax, SampledSoftmax
from tfrs_ext.negatives import InBatch, MemoryQueue, Mixed, Popularity, Uniform

ITEMS, WIDTH, ROWS, POSITIVE = 300, 8, 256, 20
IDS = np.arange(ITEMS)
COUNTS = np.round(1e5 / np.arange(1, ITEMS + 1) ** 0.8)
QUERY = np.full(WIDTH, WIDTH**-0.5, "float32")


def _table(sure):
    """Embeddings with which the model gives the positive a probability of `sure`."""
    table = np.random.default_rng(0).normal(size=(ITEMS, WIDTH)).astype("float32")
    others = np.exp(np.delete(table @ QUERY, POSITIVE)).sum()
    table[POSITIVE] += QUERY * (np.log(sure / (1 - sure) * others) - table[POSITIVE] @ QUERY)
    return table


def _in_batch():
    return InBatch(CountedFrequency(IDS, COUNTS))


SOURCES = {
    "in batch": _in_batch,
    "uniform": lambda: Uniform(IDS, ROWS, seed=1),
    "popularity": lambda: Popularity(IDS, COUNTS, ROWS, power=0.5, seed=1),
    "mixed": lambda: Mixed([_in_batch(), Uniform(IDS, ROWS, seed=1)]),
    "mixed with memory": lambda: Mixed(
        [MemoryQueue(ROWS, WIDTH, _in_batch()), Uniform(IDS, ROWS, seed=1)]
    ),
}


def _full_gradient(table):
    p = np.exp(table.astype(np.float64) @ QUERY)
    return (p / p.sum()) @ table - table[POSITIVE]


def _expected_gradient(source, loss, table, steps):
    """Mean gradient of the query over `steps` batches of rows drawn from the data."""
    table, queries = tf.constant(table), tf.constant(QUERY[None])

    def candidates(ids):
        return Candidates(tf.gather(table, ids), ids, tf.zeros_like(ids, tf.float32))

    @tf.function
    def gradient(ids):
        embed = lambda ids: tf.gather(table, ids)  # noqa: E731
        pool = draw(source, candidates(ids), candidate_model=embed, training=True)
        positive = candidates(tf.constant([POSITIVE], tf.int64))
        positive = positive._replace(log_q=pool.density(positive.ids))
        with tf.GradientTape() as tape:
            tape.watch(queries)
            value = loss.per_query(queries, positive, pool.negatives)
        return tape.gradient(value, queries)[0]

    draws = np.random.default_rng(1).choice(ITEMS, (steps, ROWS), p=COUNTS / COUNTS.sum())
    return np.mean([gradient(tf.constant(ids)).numpy() for ids in draws], axis=0)


def _relative_bias(make, loss, sure, steps):
    table = _table(sure)
    full = _full_gradient(table)
    mean = _expected_gradient(make(), loss, table, steps)
    return np.linalg.norm(mean - full) / np.linalg.norm(full)


@pytest.mark.parametrize("make", SOURCES.values(), ids=SOURCES)
def test_corrected_logq_is_nearly_unbiased_over_every_source(make):
    assert _relative_bias(make, CorrectedSampledSoftmax(), sure=0.5, steps=60) < 0.03


@pytest.mark.parametrize(("correction", "least"), [(None, 0.04), ("logq", 0.2)])
def test_what_it_mends_is_biased(correction, least):
    loss = SampledSoftmax(correction=correction)
    assert _relative_bias(_in_batch, loss, sure=0.5, steps=60) > least
