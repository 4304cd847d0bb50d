"""The lists that a scorer would show."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfrs_ext.typing import TensorLike

_SCORES_IN_BLOCK = 2**24


def top_candidates(
    scorer: Callable[[Any], TensorLike],
    queries: tf.Tensor | tf.RaggedTensor | npt.NDArray[Any],
    k: int,
    *,
    seen: tf.RaggedTensor | None = None,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Returns the k best candidates of every query by scores that a function gives.

    Queries are scored in blocks, so that no more than 64 MiB of scores are held at a time.

    Args:
        scorer: From a block of `queries` to scores `[B, C]`, such as a baseline, or
            `lambda embeddings: embeddings @ candidates.T`.
        queries: What the scorer takes, `Q` rows: an array or a `tf.RaggedTensor` of histories.
        k: How many candidates; C where there are fewer.
        seen: `[Q, (S)]` positions of the candidates that are left out; None leaves none out.

    Returns:
        Scores and positions of the candidates, `[Q, k]`, best first. Where too few candidates are
        left, the position is -1 and the score minus infinity.

    Relations:
        `evaluate_scores` counts ranks without making lists; `indexes` answer from embeddings.

    Example:
        >>> scores = np.array([[0.1, 0.9, 0.5], [0.3, 0.2, 0.1]], np.float32)
        >>> top_candidates(lambda rows: scores[rows], np.arange(2), k=2)[1].tolist()
        [[1, 2], [0, 1]]
    """
    if k < 1:
        raise ValueError(f"`k` must be a positive integer, received k={k}.")
    count = int(queries.nrows()) if isinstance(queries, tf.RaggedTensor) else len(queries)
    candidates = np.asarray(scorer(queries[:1])).shape[1]
    size = max(1, _SCORES_IN_BLOCK // candidates)
    found = []
    for begin in range(0, count, size):
        block = np.array(scorer(queries[begin : begin + size]), np.float32)
        if seen is not None:
            left_out = seen[begin : begin + size]
            block[left_out.value_rowids().numpy(), left_out.values.numpy()] = -np.inf
        values, positions = tf.math.top_k(block, min(k, candidates))
        found.append((values.numpy(), np.where(np.isneginf(values), -1, positions)))
    scores, positions = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return scores, positions.astype(np.int64)
