"""Ranked lists for tests of rules."""

import functools

import numpy as np
import tensorflow as tf

from tfrs_ext import reranking
from tfrs_ext.ops.positions import no_score


def make(rows, width=None):
    """Returns lists of pairs (item, score), sorted, padded, as `Ranked`."""
    rows = [sorted(row, key=lambda pair: -pair[1]) for row in rows]
    width = width or max(map(len, rows))
    scores = np.full((len(rows), width), no_score(), np.float32)
    positions = np.full((len(rows), width), -1, np.int32)
    for i, row in enumerate(rows):
        for j, (item, score) in enumerate(row):
            positions[i, j], scores[i, j] = item, score
    # The source tells whether a place kept what belongs to it.
    sources = np.where(positions >= 0, positions + 100, 0)
    return reranking.Ranked(*map(tf.constant, (scores, positions, sources.astype(np.int32))))


def items_of(ranked):
    """Returns the items of each row, and checks that places stay whole and padding is last."""
    found = []
    for scores, positions, sources in zip(*(column.numpy() for column in ranked), strict=True):
        kept = [int(p) for p in positions if p >= 0]
        assert positions[: len(kept)].tolist() == kept
        assert sources[: len(kept)].tolist() == [p + 100 for p in kept]
        assert np.all(scores[len(kept) :] == np.float32(no_score()))
        assert not sources[len(kept) :].any()
        found.append(kept)
    return found


@functools.cache
def graph_of(rule, kinds):
    @tf.function(autograph=False)
    def call(ranked, request, k):
        return tuple(rule(reranking.Ranked(*ranked), request, k))

    lists = tuple(tf.TensorSpec([None, None], t) for t in (tf.float32, tf.int32, tf.int32))
    request = {name: tf.TensorSpec([None, None], dtype) for name, dtype in kinds}
    return call.get_concrete_function(lists, request, tf.TensorSpec([], tf.int32))


def traced(rule, ranked, request, k):
    """Returns what the rule makes of lists in a graph that knows no shape, as an export does."""
    graph = graph_of(rule, tuple((name, tensor.dtype) for name, tensor in request.items()))
    return reranking.Ranked(*graph(*tf.nest.flatten((tuple(ranked), request, tf.constant(k)))))
