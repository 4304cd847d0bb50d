import numpy as np
import pytest
import tensorflow as tf

from tests.oracles import ranking
from tfrs_ext import evaluation

RNG = np.random.default_rng(0)
SCORES = RNG.integers(0, 4, (12, 7)).astype(np.float32)
ORDERS = [RNG.permutation(7).tolist() for _ in range(12)]
POSITIVES = [row[: i % 3] for i, row in enumerate(ORDERS)]
SEEN = [row[4 : 4 + i % 4] for i, row in enumerate(ORDERS)]


def _evaluate(scorer=lambda rows: SCORES[rows], **options):
    options = {"ks": (1, 3), "num_candidates": 7, **options}
    return evaluation.evaluate_scores(scorer, np.arange(12), POSITIVES, SEEN, **options)


@pytest.mark.parametrize("ties", ["pessimistic", "expected", "optimistic"])
def test_every_metric_equals_the_loop(ties):
    result = _evaluate(ties=ties)
    for i, wanted in enumerate(POSITIVES):
        rest = [j for j in range(7) if j not in SEEN[i]]
        places = {rest.index(p) for p in wanted}
        for name in ranking.AT_K if wanted else ():
            expected = [ranking.metric(name, SCORES[i, rest], places, k, ties) for k in (1, 3)]
            actual = [result.per_query[f"{name}_at_{k}"][i] for k in (1, 3)]
            np.testing.assert_allclose(actual, expected, atol=1e-12)


def test_inner_products_give_what_evaluate_retrieval_gives():
    q = RNG.integers(1, 4, (12, 3)).astype(np.float32)
    c = RNG.integers(1, 4, (7, 3)).astype(np.float32)
    for ties in ("pessimistic", "expected", "optimistic"):
        ours = _evaluate(lambda rows: q[rows] @ c.T, ties=ties)
        expected = evaluation.evaluate_retrieval(q, c, POSITIVES, SEEN, (1, 3), ties)
        assert ours.summary() == expected.summary()


def test_results_are_independent_of_the_blocks(monkeypatch):
    expected = _evaluate().summary()
    monkeypatch.setitem(evaluation.evaluate_scores.__globals__, "_SCORES_IN_BLOCK", 30)
    sizes = []
    assert _evaluate(lambda rows: sizes.append(len(rows)) or SCORES[rows]).summary() == expected
    assert sizes == [4, 4, 4]


def test_queries_may_be_ragged_or_a_structure():
    histories = tf.ragged.constant([[i] * (i % 3) for i in range(12)])
    queries = (histories, {"row": np.arange(12)})

    def scorer(block):
        assert block[0].nrows() == len(block[1]["row"])
        return SCORES[block[1]["row"]]

    result = evaluation.evaluate_scores(scorer, queries, POSITIVES, SEEN, (1, 3), num_candidates=7)
    assert result.summary() == _evaluate().summary()


@pytest.mark.parametrize("ties", ["pessimistic", "expected", "optimistic"])
def test_what_is_not_finite_counts_against_the_positive(ties):
    scores = np.float32([[np.nan, 1, 2, 3], [0, 1, np.nan, 3]])
    result = evaluation.evaluate_scores(
        lambda rows: scores[rows], np.arange(2), [0, 3], ks=[1], ties=ties, num_candidates=4
    )
    np.testing.assert_array_equal(result.per_query["rank"], [4, 2])


class _Alike:
    """Scores every query alike, and says so."""

    def __init__(self, scores):
        self.shared_scores = scores

    def __call__(self, rows):
        raise AssertionError("It isn't called.")


@pytest.mark.parametrize("ties", ["pessimistic", "expected", "optimistic"])
@pytest.mark.parametrize("bad", [0.0, np.nan, np.inf, -np.inf])
def test_scores_that_are_alike_for_all_queries_give_what_a_row_for_each_gives(ties, bad):
    scores = np.array([3, 1, 3, bad, 0, -0.0, 1], np.float32)
    expected = _evaluate(lambda rows: np.tile(scores, [len(rows), 1]), ties=ties)
    actual = _evaluate(_Alike(scores), ties=ties)
    for name, values in expected.per_query.items():
        np.testing.assert_array_equal(actual.per_query[name], values, err_msg=name)
    with pytest.raises(ValueError, match=r"scores of shape \(7,\), received \(6,\)"):
        _evaluate(_Alike(scores[:6]))


def test_scores_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"`scorer` must return scores of shape \(12, 7\)"):
        _evaluate(lambda rows: SCORES[:, :5])
