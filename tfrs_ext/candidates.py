"""The value that every source of candidates answers with."""

from typing import NamedTuple

import tensorflow as tf


class Candidates(NamedTuple):
    """What every source of candidates answers with.

    Attributes:
        embeddings: `[N, D]` floating point, one row per candidate.
        ids: `[N]` int32, int64 or string, the candidates' identifiers.
        log_q: `[N]` float32, natural logarithm of the probability that one draw of the source
            gives this candidate (a distribution over the catalogue: it sums to 1 over all items).
    """

    embeddings: tf.Tensor
    ids: tf.Tensor
    log_q: tf.Tensor


__all__ = ["Candidates"]
