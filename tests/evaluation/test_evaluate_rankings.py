import numpy as np
import pytest
import tensorflow as tf

from tests.oracles import ranking
from tfrs_ext import evaluation

RNG = np.random.default_rng(0)
LISTS = np.array([RNG.permutation(20)[:6] for _ in range(10)])
POSITIVES = [RNG.permutation(20)[: i % 5].tolist() for i in range(10)]


def _as_text(rows):
    return [[f"item {value}" for value in row] for row in rows]


def test_every_metric_equals_the_loop():
    result = evaluation.evaluate_rankings(LISTS, POSITIVES, ks=(1, 4, 6))
    for i, wanted in enumerate(POSITIVES):
        hits = [int(item in wanted) for item in LISTS[i]]
        for name, metric in ranking.AT_K.items():
            for k in (1, 4, 6):
                expected = metric(hits, len(wanted), k) if wanted else np.nan
                np.testing.assert_allclose(result.per_query[f"{name}_at_{k}"][i], expected)


def test_ids_may_be_text_ragged_or_one_a_query():
    expected = evaluation.evaluate_rankings(LISTS, POSITIVES, ks=(6,)).summary()
    texts = evaluation.evaluate_rankings(_as_text(LISTS), _as_text(POSITIVES), ks=(6,))
    assert texts.summary() == expected
    ragged = evaluation.evaluate_rankings(
        tf.constant(LISTS), tf.ragged.constant([row + row for row in POSITIVES]), ks=(6,)
    )
    assert ragged.summary() == expected
    flat = evaluation.evaluate_rankings(LISTS, LISTS[:, 2], ks=(6,))
    assert flat["median_rank"] == 3


def test_ids_are_compared_as_they_are_and_padding_is_no_result():
    def found(rankings, positives):
        k = np.shape(rankings)[1]
        return evaluation.evaluate_rankings(rankings, positives, ks=[k])[f"recall_at_{k}"]

    small = np.array([[1, 2]], np.int32)
    assert found(small, [[2**32 + 1]]) == found(small, [[1.5]]) == 0
    assert found(small, [[2.0]]) == found(small, np.array([[2]], np.int64)) == 1
    assert found([[1, -1]], [[-1, 1]]) == found([["a", ""]], [["", "a"]]) == 0.5
    with pytest.raises(ValueError, match="`positives` must be ids as those of the lists are, int"):
        found(small, [["1"]])
    with pytest.raises(ValueError, match="are, string, received int64"):
        found([["a", "b"]], [[1]])


def test_an_index_is_judged_by_what_it_returned():
    queries, candidates = RNG.normal(size=(10, 4)), RNG.normal(size=(20, 4))
    rows = np.argsort(-queries @ candidates.T)[:, :6]
    ours = evaluation.evaluate_rankings(rows, POSITIVES, ks=(2, 6))
    exact = evaluation.evaluate_retrieval(queries, candidates, POSITIVES, ks=(2, 6))
    for name in exact.per_query.keys() - {"rank"}:
        np.testing.assert_allclose(ours.per_query[name], exact.per_query[name])


def test_missed_queries_have_an_infinite_rank():
    result = evaluation.evaluate_rankings([[1, 2], [3, 4], [5, 5]], [[9], [4], [5]], ks=(2,))
    np.testing.assert_array_equal(result.per_query["rank"], [np.inf, 2, 1])


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match=r"at least max\(ks\) = 100 columns, received .*\(10, 6\)"):
        evaluation.evaluate_rankings(LISTS, POSITIVES)
    with pytest.raises(
        ValueError, match="`positives` must have an entry for each of the 10 queries"
    ):
        evaluation.evaluate_rankings(LISTS, POSITIVES[:4], ks=(2,))
