import numpy as np
import pytest
import tensorflow as tf

from tests.oracles import ranking
from tfrs_ext import evaluation
from tfrs_ext.evaluation import positions as position_module

TIES = ["pessimistic", "expected", "optimistic"]


def _problem(seed=0, queries=9, candidates=7):
    rng = np.random.default_rng(seed)
    q = rng.integers(1, 4, (queries, 3)).astype(np.float32)
    c = rng.integers(1, 4, (candidates, 3)).astype(np.float32)
    orders = [rng.permutation(candidates) for _ in range(queries)]
    positives = [row[: i % 3].tolist() for i, row in enumerate(orders)]
    seen = [row[4 : 4 + i % 4].tolist() for i, row in enumerate(orders)]
    return q, c, positives, seen


@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize("excluding", [False, True])
def test_every_metric_equals_the_loop(ties, excluding):
    q, c, positives, seen = _problem()
    result = evaluation.evaluate_retrieval(
        q, c, positives, seen if excluding else None, (1, 3), ties
    )
    scores = ranking.scores(q, c)
    for i, wanted in enumerate(positives):
        rest = [j for j in range(7) if not (excluding and j in seen[i])]
        places = {rest.index(p) for p in wanted}
        for name in ranking.AT_K:
            for k in (1, 3):
                actual = result.per_query[f"{name}_at_{k}"][i]
                if wanted:
                    expected = ranking.metric(name, scores[i, rest], places, k, ties)
                    np.testing.assert_allclose(actual, expected, atol=1e-12)
                else:
                    assert np.isnan(actual)


def test_positives_come_in_every_usual_form():
    q, c, _, _ = _problem()
    lists = [[i % 7] for i in range(9)]
    forms = [
        np.array(lists)[:, 0],
        np.array([[-1, i % 7] for i in range(9)]),
        tf.constant(lists, tf.int64),
        tf.ragged.constant(lists),
        [[row, row] for (row,) in lists],
        [np.array(row) for row in lists],
    ]
    expected = evaluation.evaluate_retrieval(q, c, lists).summary()
    for positives in forms:
        assert evaluation.evaluate_retrieval(q, c, positives).summary() == expected


def test_a_seen_positive_competes_all_the_same():
    q, c, positives, seen = _problem()
    expected = evaluation.evaluate_retrieval(q, c, positives, seen).summary()
    both = [[*s, *s, *p, -1] for s, p in zip(seen, positives, strict=True)]
    assert evaluation.evaluate_retrieval(q, c, positives, both).summary() == expected


def test_results_are_independent_of_the_blocks(monkeypatch):
    q, c, positives, seen = _problem(queries=20)
    expected = evaluation.evaluate_retrieval(q, c, positives, seen)
    monkeypatch.setattr(position_module, "_POSITIVES_IN_BLOCK", 3)
    assert len(list(position_module.blocks(tf.ragged.constant(positives)))) > 3
    result = evaluation.evaluate_retrieval(q, c, positives, seen)
    for name, values in expected.per_query.items():
        np.testing.assert_array_equal(result.per_query[name], values)


def test_a_collapsed_item_tower_scores_by_chance_not_by_ties():
    q, c = np.ones([20, 4]), np.full([50, 4], 0.7)
    rows = np.arange(20)
    found = {t: evaluation.evaluate_retrieval(q, c, rows, ks=[5], ties=t) for t in TIES}
    assert found["pessimistic"]["recall_at_5"] == 0
    np.testing.assert_allclose(found["expected"]["recall_at_5"], 5 / 50)
    assert found["optimistic"]["recall_at_5"] == 1


def test_bad_arguments_are_named():
    q, c = np.ones([2, 4]), np.ones([5, 4])
    evaluate = evaluation.evaluate_retrieval
    with pytest.raises(
        ValueError, match="`positives` must have an entry for each of the 2 queries"
    ):
        evaluate(q, c, [[1]])
    with pytest.raises(ValueError, match=r"`seen` must hold positions below .* 5, received 5"):
        evaluate(q, c, [1, 2], [[5], []])
    with pytest.raises(ValueError, match="`positives` must hold at least one"):
        evaluate(q, c, [[], [-1]])
    with pytest.raises(ValueError, match="`positives` must hold whole numbers, received <U1"):
        evaluate(q, c, np.array(["a", "b"]))
    with pytest.raises(ValueError, match="as wide as"):
        evaluate(q, c[:, :3], [1, 2])
    with pytest.raises(ValueError, match="`query_embeddings` must be embeddings"):
        evaluate(q[0], c, [1, 2])
    with pytest.raises(ValueError, match="`ks` must be positive"):
        evaluate(q, c, [1, 2], ks=(0,))
    with pytest.raises(ValueError, match="`ties` must be one of pessimistic"):
        evaluate(q, c, [1, 2], ties="random")
