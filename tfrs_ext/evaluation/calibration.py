"""Whether a retriever's probabilities are those with which it is right."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfrs_ext.evaluation.positions import wanted_and_excluded
from tfrs_ext.typing import PositionLists, TensorLike

_SCORES_IN_BLOCK = 2**23
Values = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


class RetrievalCalibration(NamedTuple):
    """What was promised and what came, in groups of queries of equal size.

    Attributes:
        error: The expected calibration error: the mean distance of promise and outcome.
        promised: `[bins]` mean probability that the positive is among the k best, ascending.
        observed: `[bins]` share of positives that are.
        counts: `[bins]` positives.
        log_loss: Mean negative log-probability of the positives, in nats.
    """

    error: float
    promised: Values
    observed: Values
    counts: npt.NDArray[np.int64]
    log_loss: float


def retrieval_calibration(
    query_embeddings: TensorLike,
    candidate_embeddings: TensorLike,
    positives: PositionLists,
    seen: PositionLists | None = None,
    *,
    k: int = 10,
    temperature: float = 1.0,
    bins: int = 10,
) -> RetrievalCalibration:
    """Compares the probability of a hit among the k best with how often there is one.

    `p(c | q) = softmax_c(q·c / temperature)` over the whole catalogue; the promise is the sum of
    the k largest, the outcome whether the positive is among them. Losses that correct for the
    sampling of negatives, and the full softmax, are trained to keep this promise; losses by pairs
    or without the correction aren't, and rank as well all the same. Where scores feed a later
    model or a threshold, calibrate them: the temperature with the least `log_loss` on held-out
    queries is a good start.

    Args:
        query_embeddings: `[Q, D]` floating point.
        candidate_embeddings: `[C, D]` floating point.
        positives: The positions of the candidates that each query should find, in the forms that
            `evaluate_retrieval` takes; each counts for itself.
        seen: The positions of the candidates that don't compete, in the same forms.
        k: The length of the list.
        temperature: What scores are divided by: the model's temperature at the end of training.
        bins: The number of groups of equal size, into which positives are put by promise.

    Returns:
        A `RetrievalCalibration`.

    Raises:
        ValueError: Where shapes, positions or numbers don't fit, or there is no positive.

    Relations:
        `metrics.ExpectedCalibrationError` for predictions of single labels, such as clicks.

    Example:
        >>> queries, items = np.zeros((4, 2)), np.zeros((8, 2))
        >>> found = retrieval_calibration(queries, items, [0, 1, 2, 3], k=2, bins=1)
        >>> found.promised.round(4).tolist(), round(found.log_loss, 4)
        ([0.25], 2.0794)

    References:
        Guo et al.: On Calibration of Modern Neural Networks, ICML 2017, arXiv 1706.04599. Nixon
        et al.: Measuring Calibration in Deep Learning, CVPR Workshops 2019 (bins of equal size).
    """
    left = np.asarray(query_embeddings, np.float32)
    right = np.asarray(candidate_embeddings, np.float32)
    if not (temperature > 0 and k >= 1 and bins >= 1):
        raise ValueError(
            "`temperature`, `k` and `bins` must be positive, received "
            f"temperature={temperature}, k={k}, bins={bins}."
        )
    sizes = (len(left), len(right))
    wanted, excluded = wanted_and_excluded(positives, seen, *sizes)
    if not wanted.flat_values.shape[0]:
        raise ValueError("`positives` must hold at least one positive, received none.")
    step = max(1, _SCORES_IN_BLOCK // sizes[1])
    parts = []
    for begin in range(0, sizes[0], step):
        part = slice(begin, begin + step)
        scores = (left[part] @ right.T).astype(np.float64) / temperature
        if excluded is not None:
            scores[_pairs(excluded[part])] = -np.inf
        parts.append(_outcomes(scores, *_pairs(wanted[part]), min(k, sizes[1])))
    promised, hits, log_losses = map(np.concatenate, zip(*parts, strict=True))
    return _binned(promised, hits, bins, float(np.mean(log_losses)))


def _pairs(lists: tf.RaggedTensor) -> tuple[Integers, Integers]:
    return lists.value_rowids().numpy(), lists.flat_values.numpy()


def _outcomes(
    scores: Values, owners: Integers, positions: Integers, k: int
) -> tuple[Values, Values, Values]:
    """Returns promise, outcome and negative log-probability of each positive."""
    log_p = scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)
    best = np.partition(log_p, -k, axis=1)[:, -k:]
    own = log_p[owners, positions]
    # A tie at the edge of the list is decided by chance.
    above = np.sum(log_p[owners] > own[:, np.newaxis], axis=1)
    ties = np.sum(log_p[owners] == own[:, np.newaxis], axis=1)
    hits = np.clip((k - above) / ties, 0.0, 1.0)
    return np.exp(best).sum(axis=1)[owners], hits, -own


def _binned(promised: Values, hits: Values, bins: int, log_loss: float) -> RetrievalCalibration:
    order = np.argsort(promised, kind="stable")
    groups = [group for group in np.array_split(order, bins) if len(group)]
    means = np.array([[promised[group].mean(), hits[group].mean()] for group in groups])
    counts = np.array([len(group) for group in groups])
    error = float(np.average(np.abs(means[:, 0] - means[:, 1]), weights=counts))
    return RetrievalCalibration(error, means[:, 0], means[:, 1], counts, log_loss)
