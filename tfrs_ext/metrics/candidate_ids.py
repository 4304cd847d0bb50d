"""Whether the candidates of a metric over the corpus have ids that positives can be matched by."""

from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_recommenders as tfrs


def has_candidate_ids(metric: tfrs.metrics.Factorized) -> bool:
    """Returns whether the candidates of a metric have ids of their own.

    Candidates that are embeddings alone, such as `items.batch(1024).map(model)`, have none, and an
    index that was built of embeddings alone knows them by position. The ids of items would be
    taken for positions there, so give such a metric none: it then matches positives by score, or,
    where the index is approximate, says that it can't. Of an approximate index of TFRS's it isn't
    known how it was built: it is believed to have ids.

    Args:
        metric: `metrics.FactorizedTopK`, TFRS's `FactorizedTopK`, or another metric of TFRS's kind,
            which is believed to know ids.

    Example:
        >>> embeddings = tf.data.Dataset.from_tensor_slices(tf.eye(3)).batch(2)
        >>> ids = tf.data.Dataset.range(7, 10).batch(2)
        >>> has_candidate_ids(tfrs_ext.metrics.FactorizedTopK(embeddings))
        False
        >>> pairs = tf.data.Dataset.zip((ids, embeddings))
        >>> has_candidate_ids(tfrs_ext.metrics.FactorizedTopK(pairs))
        True
    """
    candidates: Any = getattr(metric, "candidates", getattr(metric, "_candidates", None))
    if isinstance(candidates, tfrs.layers.factorized_top_k.Streaming):
        candidates = candidates._candidates
    if isinstance(candidates, tf.data.Dataset):
        return isinstance(candidates.element_spec, tuple)
    if hasattr(candidates, "has_ids"):
        return bool(candidates.has_ids)
    ids = getattr(candidates, "_identifiers", None)
    if ids is None:
        return not isinstance(candidates, tfrs.layers.factorized_top_k.TopK)
    return not candidates.is_exact() or not _are_positions(ids)


def _are_positions(ids: tf.Tensor) -> bool:
    with tf.init_scope():  # Out of the graph that may be traced.
        if not ids.dtype.is_integer or not tf.executing_eagerly():
            return False
        return np.array_equal(ids.numpy(), np.arange(ids.shape[0]))
