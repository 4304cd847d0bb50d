import numpy as np
import pytest
import sklearn.metrics

from tests.oracles import calibration as oracle
from tfrs_ext import evaluation

RNG = np.random.default_rng(0)
QUERIES, ITEMS = RNG.normal(size=(60, 4)), RNG.normal(size=(25, 4))
ORDERS = [RNG.permutation(25).tolist() for _ in range(60)]
POSITIVES = [order[: 1 + i % 3] for i, order in enumerate(ORDERS)]
SEEN = [order[2 : 2 + i % 7] for i, order in enumerate(ORDERS)]


@pytest.mark.parametrize("block", [30, 2**23])
@pytest.mark.parametrize("k", [1, 4, 30])
def test_groups_equal_those_of_the_loops(k, block, monkeypatch):
    monkeypatch.setitem(evaluation.retrieval_calibration.__globals__, "_SCORES_IN_BLOCK", block)
    found = evaluation.retrieval_calibration(
        QUERIES, ITEMS, POSITIVES, SEEN, k=k, temperature=0.7, bins=5
    )
    assert isinstance(found, evaluation.RetrievalCalibration)
    rows = oracle.outcomes(np.float32(QUERIES), np.float32(ITEMS), POSITIVES, SEEN, k, 0.7)
    promised, hits, log_p = np.array(sorted(rows, key=lambda row: row[0])).T
    np.testing.assert_allclose(found.log_loss, -log_p.mean(), rtol=1e-6)
    groups = np.array_split(np.arange(len(rows)), 5)
    assert found.counts.tolist() == [len(group) for group in groups]
    np.testing.assert_allclose(found.promised, [promised[g].mean() for g in groups], rtol=1e-6)
    if k < 30:  # Where all promises are 1, their order is arbitrary.
        np.testing.assert_allclose(found.observed, [hits[g].mean() for g in groups], atol=1e-6)
    else:
        np.testing.assert_allclose(found.observed, 1)
        assert found.error < 1e-6


def test_positives_drawn_from_the_model_are_as_often_found_as_promised():
    queries, items = RNG.normal(size=(20_000, 4)), RNG.normal(size=(30, 4))
    scores = (queries @ items.T) / 0.5
    p = np.exp(scores - scores.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    drawn = (p.cumsum(1) > RNG.random((20_000, 1))).argmax(1)
    right = evaluation.retrieval_calibration(queries, items, drawn, k=3, temperature=0.5)
    sharp = evaluation.retrieval_calibration(queries, items, drawn, k=3, temperature=0.2)
    assert right.error < 0.015
    assert sharp.error > 0.1
    assert right.log_loss < sharp.log_loss
    peer = sklearn.metrics.log_loss(drawn, p, labels=np.arange(30))
    np.testing.assert_allclose(right.log_loss, peer, rtol=1e-5)


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match=r"must be positive, received temperature=0"):
        evaluation.retrieval_calibration(QUERIES, ITEMS, POSITIVES, temperature=0)
    with pytest.raises(ValueError, match="must hold at least one positive"):
        evaluation.retrieval_calibration(QUERIES[:1], ITEMS, [[]])
