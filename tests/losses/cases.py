"""Batches of embeddings for the losses' tests, and every loss beside the oracle of one row."""

import functools

import numpy as np
import tensorflow as tf

from tests.oracles import losses as oracle
from tests.oracles.softmax import negatives_of
from tfrs_ext import losses
from tfrs_ext.candidates import Candidates

NONE = "none"
# A loss, and the oracle of a row's positive and negative scores; no correction in any of them.
LOSSES = {
    "sampled_softmax": (losses.SampledSoftmax, oracle.softmax),
    "full_softmax": (losses.FullSoftmax, oracle.softmax),
    "info_nce": (losses.InfoNCE, oracle.softmax),
    "full_product": (
        functools.partial(losses.FullProductSoftmax, "query_to_item"),
        oracle.softmax,
    ),
    "pairwise": (losses.PairwiseCrossEntropy, oracle.pairwise),
    "bpr": (losses.BPR, oracle.pairwise),
    "triplet_all": (
        functools.partial(losses.Triplet, 0.7),
        functools.partial(oracle.triplet_all, margin=0.7),
    ),
    "triplet_hard": (
        functools.partial(losses.Triplet, 0.7, "hard"),
        functools.partial(oracle.triplet_hard, margin=0.7),
    ),
    "triplet_semi_hard": (
        functools.partial(losses.Triplet, 0.7, "semi_hard"),
        functools.partial(oracle.triplet_semi_hard, margin=0.7),
    ),
    "binary": (
        losses.SampledBinaryCrossEntropy,
        functools.partial(oracle.generalised_binary, beta=1.0),
    ),
    "gbce": (
        functools.partial(losses.GBCE, 50),
        functools.partial(oracle.gbce, num_items=50, t=0.75),
    ),
}
CORRECTED = {"corrected": (losses.CorrectedSampledSoftmax, oracle.corrected_softmax)}


def batch(rows=6, size=9, width=4, items=5, seed=0, ids=np.int64, dtype=np.float32):
    """Queries, positives and negatives; several negatives are the positive of a row."""
    rng = np.random.default_rng(seed)

    def candidates(number):
        log_q = np.log(rng.uniform(0.01, 0.2, size=number)).astype(np.float32)
        embeddings = rng.normal(size=(number, width)).astype(dtype)
        return Candidates(embeddings, rng.integers(0, items, size=number).astype(ids), log_q)

    return rng.normal(size=(rows, width)).astype(dtype), candidates(rows), candidates(size)


def tensors(value):
    """The same as tensors."""
    return tf.nest.map_structure(tf.constant, value)


def expected_rows(row, queries, positives, negatives, scale=1.0, mask=None):
    """Each row's loss by the oracle; 0 where it has no negatives."""
    values = []
    for i, query in enumerate(np.float64(queries)):
        size = len(negatives.ids)
        columns = negatives_of(i, positives.ids, negatives.ids, mask, size)
        scores = [scale * query @ np.float64(negatives.embeddings[j]) for j in columns]
        positive = scale * query @ np.float64(positives.embeddings[i])
        values.append(row(positive, scores) if columns else 0.0)
    return np.array(values)
