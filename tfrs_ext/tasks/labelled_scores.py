"""The matrix of labels and scores, for Keras losses and metrics of the batch."""

from collections.abc import Callable
from typing import Union

import tensorflow as tf

from tfrs_ext.candidates import Candidates
from tfrs_ext.negatives import Batch, Pool
from tfrs_ext.ops.exclusion import is_negative
from tfrs_ext.ops.scores import LOWEST, largest, pairwise_scores, rowwise_scores
from tfrs_ext.ops.tracing import as_users_wrote

Correct = Callable[[tf.Tensor, Candidates, Candidates], tuple[tf.Tensor, Union[tf.Tensor, None]]]


def labelled_scores(
    correct: Correct,
    batch: Batch,
    pool: Pool,
    mask: tf.Tensor | None,
    num_hard_negatives: int | None,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Scores the pool in TFRS's order: temperature, log Q, accidental hits, mask, hard negatives.

    Where the pool is the batch's own candidates, row i has its positive in column i, as in TFRS.
    From any other source the positive comes first, and the pool behind it.

    Args:
        correct: How log Q corrects the scores: a loss's `correct`.
        batch: The embeddings and what they are multiplied by.
        pool: The positives and negatives.
        mask: `[B, N]` bool, False where a row of the pool is no negative of the query; or None.
        num_hard_negatives: How many of the largest negatives of each query are kept; None for all.

    Returns:
        Labels and scores, both `[B, C]` float32; what is no negative has the lowest score.
    """
    positive, negatives = _score(correct, batch, pool)
    valid = is_negative(pool.positives.ids, pool.negatives.ids, mask)
    if num_hard_negatives is not None:
        negatives, valid, _ = largest(negatives, valid, num_hard_negatives)
    elif pool.negatives.embeddings is batch.candidates.embeddings:
        labels = tf.eye(tf.shape(negatives)[0], tf.shape(negatives)[1])
        return labels, tf.where(labels > 0, positive[:, None], tf.where(valid, negatives, LOWEST))
    scores = tf.concat([positive[:, None], tf.where(valid, negatives, LOWEST)], axis=1)
    labels = tf.concat([tf.ones_like(scores[:, :1]), tf.zeros_like(scores[:, 1:])], axis=1)
    return labels, scores


def _score(correct: Correct, batch: Batch, pool: Pool) -> tuple[tf.Tensor, tf.Tensor]:
    scale = 1.0 if batch.scale is None else batch.scale
    positive = scale * rowwise_scores(batch.queries, pool.positives.embeddings)
    negatives = scale * pairwise_scores(batch.queries, pool.negatives.embeddings)
    positive, bias = as_users_wrote(correct)(positive, pool.positives, pool.negatives)
    return positive, negatives if bias is None else negatives + bias
