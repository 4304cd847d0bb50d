"""Lists, against sorting every row."""

import numpy as np
import pytest
import tensorflow as tf

from tfrs_ext.baselines import ItemToItemBaseline
from tfrs_ext.evaluation import top_candidates, top_lists


@pytest.mark.parametrize("in_block", [2**24, 20])
def test_lists_are_the_best_of_what_was_not_seen(in_block, monkeypatch):
    monkeypatch.setattr(top_lists, "_SCORES_IN_BLOCK", in_block)
    scores = np.random.default_rng(0).normal(size=(7, 9)).astype(np.float32)
    seen = tf.ragged.constant([[0, 3], [], [8], list(range(8)), [], [1], [2, 4]])
    values, positions = top_candidates(lambda rows: scores[rows], np.arange(7), 3, seen=seen)
    for row, left_out in enumerate(seen.to_list()):
        order = [c for c in np.argsort(-scores[row]) if c not in left_out][:3]
        assert [p for p in positions[row] if p >= 0] == order
        np.testing.assert_array_equal(values[row][: len(order)], scores[row][order])
    assert positions[3].tolist() == [8, -1, -1]


def test_a_baseline_reads_ragged_histories():
    histories = tf.ragged.constant([[0, 1], [0, 1], [2]])
    baseline = ItemToItemBaseline(3).fit(histories)
    scores, positions = top_candidates(baseline, histories, 5, seen=histories)
    assert positions.shape == (3, 3)
    assert positions[:2].tolist() == [[2, -1, -1]] * 2
    assert np.isneginf(scores[0, 1])


def test_no_list_has_no_place():
    with pytest.raises(ValueError, match="`k` must be a positive integer, received k=0"):
        top_candidates(lambda rows: rows, np.eye(2), 0)
